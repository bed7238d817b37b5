//! Inventories and playbooks as an operator meets them: the shipped files, and every fault.

#[cfg(test)]
mod ansible;
#[cfg(test)]
mod ansible_bad;
#[cfg(test)]
mod ansible_examples;
#[cfg(test)]
mod ansible_mapping;
#[cfg(test)]
mod bad_inventory;
#[cfg(test)]
mod bad_playbook;
#[cfg(test)]
mod bad_yaml;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod jump;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod shape;

use fleetstat::yaml::defect::Defect;

/// All defects as they are printed, one string.
fn printed(defects: &[Defect]) -> String {
    let lines: Vec<String> = defects.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What is wrong with this inventory text.
fn faults(text: &str) -> String {
    match fleetstat::inventory::from_texts(&[("lab.yaml", text)]) {
        Ok(inventory) => format!("no fault, {} hosts", inventory.hosts.len()),
        Err(defects) => printed(&defects),
    }
}
