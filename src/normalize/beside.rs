//! Which answer a view rests on, where the rich profile was asked beside the default one.
//!
//! Both tell of the same things, and their records are joined. What a view is worth is what the better of
//! the two is worth: a rich answer that was refused takes nothing away, and one that is whole stands in for
//! a program that is not there. The other's sections serve the view no more, and only give context.

use crate::model::snapshot::{SectionResult, SectionStatus, View};

/// Leaves each view to the better answer. `rich`: for each section, whether it is of the rich profile.
pub(super) fn settle(results: &mut [SectionResult], rich: &[bool]) {
    if !rich.contains(&true) {
        return;
    }
    for view in View::ALL {
        let worth = |wanted: bool| {
            let all = results.iter().zip(rich).filter(|(result, rich)| {
                let stands = result.status != SectionStatus::Replaced;
                stands && **rich == wanted && result.views.contains(view)
            });
            all.map(|(result, _)| result.status).max()
        };
        let better = match (worth(false), worth(true)) {
            (Some(plain), Some(rich)) => rich < plain,
            (None, _) => true,
            (Some(_), None) => false,
        };
        for (result, rich) in results.iter_mut().zip(rich) {
            if *rich != better {
                result.views.retain(|served| served != view);
            }
        }
    }
    for (result, rich) in results.iter_mut().zip(rich) {
        // What it does not show, another shows.
        if *rich && result.views.is_empty() {
            result.limitations.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::ProbeId;
    use crate::model::parsed::Coverage;
    use crate::model::snapshot::Limitation;

    fn settled(of: &[(bool, SectionStatus)]) -> Vec<(usize, usize)> {
        let result = |status| SectionResult {
            number: 1,
            probe: ProbeId::builtin("windows/x"),
            views: vec![View::Routes],
            status,
            coverage: Coverage::default(),
            limitations: vec![Limitation::ToolGap],
            faults: Vec::new(),
        };
        let mut results: Vec<_> = of.iter().map(|(_, status)| result(*status)).collect();
        let rich: Vec<_> = of.iter().map(|(rich, _)| *rich).collect();
        settle(&mut results, &rich);
        results.iter().map(|result| (result.views.len(), result.limitations.len())).collect()
    }

    #[test]
    fn a_view_rests_on_the_better_answer_and_on_the_default_one_when_they_are_alike() {
        use SectionStatus::{Complete, Failed, Partial, Replaced};
        assert_eq!(settled(&[(false, Complete), (true, Failed)]), [(1, 1), (0, 0)]);
        assert_eq!(settled(&[(false, Complete), (true, Complete)]), [(1, 1), (0, 0)]);
        assert_eq!(settled(&[(false, Partial), (true, Complete)]), [(0, 1), (1, 1)]);
        let two = [(false, Complete), (false, Failed), (true, Partial)];
        assert_eq!(settled(&two), [(0, 1), (0, 1), (1, 1)]);
        let replaced = [(false, Replaced), (false, Complete), (true, Partial)];
        assert_eq!(settled(&replaced), [(1, 1), (1, 1), (0, 0)]);
        assert_eq!(settled(&[(true, Partial)]), [(1, 1)]);
        assert_eq!(settled(&[(false, Failed)]), [(1, 1)]);
    }
}
