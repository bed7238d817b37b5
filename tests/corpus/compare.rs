//! Records of a reader beside those of an expectation.
//!
//! Every field that the expectation tells is compared; one that our record does not hold is a
//! disagreement too. What only our record tells is not compared.

use fleetstat::model::parsed::Row;

use crate::fields::{Fields, fields};

/// What an expectation says of the records.
pub(crate) struct Expectation {
    /// The records.
    pub(crate) records: Vec<Fields>,
    /// Both stand in the order of the text: paired by it while both are as many.
    pub(crate) ordered: bool,
    /// Fields that pair a record with ours otherwise.
    pub(crate) keys: &'static [&'static str],
    /// Whether a row of ours takes part.
    pub(crate) concerns: fn(&Row<'_>) -> bool,
}

/// One field in which two records disagree; `rows` where one is missing.
#[derive(Debug)]
pub(crate) struct Disagreement {
    pub(crate) field: String,
    #[expect(dead_code, reason = "shown with Debug")]
    pub(crate) ours: String,
    #[expect(dead_code, reason = "shown with Debug")]
    pub(crate) theirs: String,
    #[expect(dead_code, reason = "shown with Debug")]
    pub(crate) record: String,
}

/// The outcome of one sample.
#[derive(Default)]
pub(crate) struct Compared {
    pub(crate) rows: usize,
    pub(crate) fields: usize,
    pub(crate) disagreements: Vec<Disagreement>,
}

/// Compares the rows of a sample with its expectation.
pub(crate) fn compare(rows: &[Row<'_>], expectation: &Expectation) -> Compared {
    let rows = rows.iter().filter(|row| (expectation.concerns)(row));
    let mut ours: Vec<Option<Fields>> = rows.map(|row| Some(fields(row))).collect();
    let mut compared = Compared::default();
    let by_place = expectation.ordered && ours.len() == expectation.records.len();
    let key = |fields: &Fields| -> Vec<String> {
        expectation.keys.iter().map(|key| paired(fields.get(key))).collect()
    };
    for (at, theirs) in expectation.records.iter().enumerate() {
        let place = if by_place {
            Some(at)
        } else {
            let wanted = key(theirs);
            ours.iter().position(|ours| ours.as_ref().is_some_and(|ours| key(ours) == wanted))
        };
        let found = place.and_then(|place| ours.get_mut(place)).and_then(Option::take);
        match found {
            Some(ours) => one(&ours, theirs, &mut compared),
            None => compared.disagreements.push(missing("none", &format!("{theirs:?}"))),
        }
    }
    for left in ours.into_iter().flatten() {
        compared.disagreements.push(missing(&format!("{left:?}"), "none"));
    }
    compared
}

/// A field as a key: `*` may stand for either family.
fn paired(field: Option<&String>) -> String {
    match field.map(String::as_str) {
        Some("0.0.0.0" | "::") => "any".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    }
}

fn missing(ours: &str, theirs: &str) -> Disagreement {
    Disagreement {
        field: "rows".to_owned(),
        ours: ours.to_owned(),
        theirs: theirs.to_owned(),
        record: String::new(),
    }
}

fn one(ours: &Fields, theirs: &Fields, compared: &mut Compared) {
    compared.rows += 1;
    for (&field, theirs) in theirs {
        compared.fields += 1;
        let our = ours.get(field).map_or("not told", String::as_str);
        // `*` in the text of a tool that prints it for either family.
        let any = theirs == "any" && matches!(our, "0.0.0.0" | "::" | "none");
        if our != theirs && !any {
            compared.disagreements.push(Disagreement {
                field: field.to_owned(),
                ours: our.to_owned(),
                theirs: theirs.clone(),
                record: format!("{ours:?}"),
            });
        }
    }
}
