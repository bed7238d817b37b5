//! Settings of the controller: what a file of settings may say, and where each value in force came
//! from.
//!
//! In: the texts of files of settings, the environment and the options of the command line, each
//! as a [`Layer`]. Out: [`Settings`], every value with its [`Origin`]. The later layer wins, value
//! by value: built in, machine, person, environment, command line. Nothing here reads the
//! environment or knows what a path is used for.

pub mod table;
mod file;
mod origin;

use std::path::PathBuf;

pub use file::{FileError, read};
pub use origin::{Chosen, Origin};

/// What one place says. `None`: it says nothing of this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// Folder of store and evidence.
    pub data: Option<Chosen<PathBuf>>,
    /// Inventory files and folders, in order.
    pub inventory: Option<Chosen<Vec<PathBuf>>>,
    /// Files of trusted host keys, in order.
    pub known_hosts: Option<Chosen<Vec<PathBuf>>>,
    /// Files of host keys and certificates never to trust.
    pub revoked_host_keys: Option<Chosen<Vec<PathBuf>>>,
    /// Who answers for runs, where neither playbook nor command line says it.
    pub operator: Option<Chosen<String>>,
}

impl Layer {
    /// This layer, with what it does not say taken from a lower one. A list is taken whole.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        Self {
            data: self.data.or(lower.data),
            inventory: self.inventory.or(lower.inventory),
            known_hosts: self.known_hosts.or(lower.known_hosts),
            revoked_host_keys: self.revoked_host_keys.or(lower.revoked_host_keys),
            operator: self.operator.or(lower.operator),
        }
    }
}

/// The JSON Schema of a file of settings, draft 2020-12.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    crate::yaml::schema::json_schema(&table::SETTINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(path: &str, origin: Origin) -> Layer {
        let data = Some(Chosen { value: path.into(), origin });
        Layer { data, ..Layer::default() }
    }

    #[test]
    fn the_upper_layer_wins_value_by_value() {
        let operator = Chosen { value: "night".to_owned(), origin: Origin::Default };
        let lower = Layer { operator: Some(operator.clone()), ..data("/low", Origin::Default) };
        let upper = data("/high", Origin::Option("--data"));
        let both = upper.clone().over(lower);
        assert_eq!(both, Layer { operator: Some(operator), ..upper });
    }
}
