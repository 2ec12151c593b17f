//! Parents before children, by the target's foreign keys. Pure.

use crate::ident::TableName;

/// An order in which every table comes after those it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Positions in the list that was given.
    pub positions: Vec<usize>,
    /// Tables that point to each other in a circle, so that no order serves.
    pub cycle: Vec<TableName>,
}

/// Sorts tables so that parents come first; otherwise keeps their order.
///
/// `tables` pairs each table with its parents. Parents that are not in the
/// list, and a table that points to itself, do not matter.
#[must_use]
pub fn parents_first(tables: &[(TableName, Vec<TableName>)]) -> Order {
    let mut order = Order { positions: Vec::new(), cycle: Vec::new() };
    let mut waiting: Vec<usize> = (0..tables.len()).collect();
    while !waiting.is_empty() {
        let free = waiting.iter().position(|&at| !waits_for_another(tables, at, &waiting));
        if free.is_none() {
            order.cycle = waiting.iter().filter_map(|&at| tables.get(at)).map(name).collect();
            order.positions.append(&mut waiting);
        }
        if let Some(free) = free {
            order.positions.push(waiting.remove(free));
        }
    }
    order
}

fn name((name, _): &(TableName, Vec<TableName>)) -> TableName {
    name.clone()
}

fn waits_for_another(tables: &[(TableName, Vec<TableName>)], at: usize, waiting: &[usize]) -> bool {
    let Some((_, parents)) = tables.get(at) else { return false };
    waiting
        .iter()
        .filter(|&&other| other != at)
        .filter_map(|&other| tables.get(other))
        .any(|(other, _)| parents.contains(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Ident;

    fn table(name: &str) -> TableName {
        let ident = |name| Ident::new(name).unwrap();
        TableName { schema: ident("public"), table: ident(name) }
    }

    fn order(tables: &[(&str, &[&str])]) -> Order {
        let tables: Vec<_> = tables
            .iter()
            .map(|(name, parents)| (table(name), parents.iter().map(|name| table(name)).collect()))
            .collect();
        parents_first(&tables)
    }

    #[test]
    fn children_wait_for_their_parents() {
        let order = order(&[("job", &["client", "job"]), ("org", &[]), ("client", &["org", "x"])]);
        assert_eq!(order, Order { positions: vec![1, 2, 0], cycle: vec![] });
    }

    #[test]
    fn a_cycle_is_named_and_kept_in_its_order() {
        let order = order(&[("a", &["b"]), ("b", &["a"]), ("c", &[])]);
        assert_eq!(order, Order { positions: vec![2, 0, 1], cycle: vec![table("a"), table("b")] });
    }
}
