//! The table of chart rules, contract §7.

/// What is counted and how it is drawn.
#[derive(Debug)]
pub(super) struct Rule {
    /// The top-level field of a row.
    pub(super) field: &'static str,
    /// The path to the value in an object; empty for none.
    pub(super) lens: &'static str,
    /// The path to the value in each object of a list; empty for none.
    pub(super) sublens: &'static str,
    /// The chart: pie, doughnut, polar, bar or total (a list of big numbers).
    pub(super) chart: &'static str,
    pub(super) title: &'static str,
    /// The chart's place among the others.
    pub(super) order: u32,
    /// Its width as a Bootstrap column; empty for the default.
    pub(super) size: &'static str,
    pub(super) legend: bool,
    /// How many labels are drawn, where not the default.
    pub(super) limit: Option<u32>,
    /// The one component that it holds for; empty for all.
    pub(super) component: &'static str,
}

impl Rule {
    /// The rule's key in `aggr`: field and lens.
    pub(super) fn key(&self) -> String {
        if self.lens.is_empty() { self.field.to_owned() } else { format!("{}_{}", self.field, self.lens) }
    }

    const fn limit(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    const fn wide(self) -> Self {
        Self { size: "col-sm-8", legend: false, ..self }
    }

    const fn only(self, component: &'static str) -> Self {
        Self { component, ..self }
    }
}

const fn rule(
    path: (&'static str, &'static str, &'static str),
    chart: &'static str,
    title: &'static str,
    order: u32,
) -> Rule {
    let (field, lens, sublens) = path;
    Rule { field, lens, sublens, chart, title, order, size: "", legend: true, limit: None, component: "" }
}

/// One line a chart.
pub(super) static RULES: &[Rule] = &[
    rule(("datacenters", "provider", ""), "doughnut", "Providers", 1),
    rule(("provider", "", ""), "doughnut", "Resource", 1),
    rule(("servers", "datacenters.provider", ""), "doughnut", "Providers (by Servers)", 1),
    rule(("applications", "datacenters.provider", "datacenters.provider"), "doughnut", "Providers (by Apps)", 1),
    rule(("datacenters", "name", ""), "polar", "Datacenters", 2),
    rule(("servers", "datacenters.name", ""), "polar", "Datacenters (by Servers)", 2),
    rule(("applications", "datacenters.name", "datacenters.name"), "polar", "Datacenters (by Apps)", 2),
    rule(("servers", "datacenters.region", ""), "doughnut", "Regions (by Servers)", 3),
    rule(("datacenters", "region", ""), "doughnut", "Regions", 3),
    rule(("regions", "", ""), "doughnut", "Regions", 3),
    rule(("datacenters", "zone", ""), "doughnut", "Zones", 4).only("servers"),
    rule(("zones", "", ""), "doughnut", "Zones", 4),
    rule(("servers", "hostname", ""), "total", "Hostname", 5).limit(12),
    rule(("datacenters", "instance", ""), "bar", "Instances", 6).wide().limit(16),
    rule(("servers", "datacenters.instance", ""), "bar", "Instances (by Servers)", 6).wide().limit(16),
    rule(("size", "", ""), "bar", "Size", 7).wide(),
    rule(("family", "", ""), "pie", "Family", 8),
    rule(("applications", "family", "family"), "pie", "Family (by Apps)", 8),
    rule(("applications", "name", "name"), "bar", "Apps", 9).wide(),
    rule(("servers", "os.base", "base"), "pie", "OS (by Servers)", 9),
    rule(("os", "base", ""), "pie", "OS", 9),
    rule(("system", "name", "name"), "bar", "Systems", 10).wide(),
    rule(("systems", "name", ""), "bar", "Systems", 10).wide(),
    rule(("deps", "", "name"), "pie", "Most dependencies apps", 11),
    rule(("services", "", "name"), "pie", "Services", 12),
    rule(("deploy", "", "type"), "polar", "Deploy", 13),
    rule(("contacts", "", "channel"), "doughnut", "Contacts", 14),
    rule(("entry", "", "name"), "pie", "Endpoint Apps", 15),
    rule(("auth", "", "type"), "polar", "Auths", 15),
    rule(("systems", "clients", "name"), "bar", "Clients", 16).wide(),
    rule(("clients", "name", "name"), "bar", "Clients", 16).wide(),
    rule(("tags", "", "key"), "total", "Tags", 17).limit(12),
    rule(("active", "", ""), "pie", "Active", 18).limit(12),
    rule(("roles", "", "refs"), "total", "Access Refs", 19).limit(12),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_rule_has_a_key_of_its_own_and_a_known_chart() {
        let keys: HashSet<String> = RULES.iter().map(Rule::key).collect();
        assert_eq!(keys.len(), RULES.len());
        assert_eq!(RULES.len(), 34);
        for rule in RULES {
            assert!(["pie", "doughnut", "polar", "bar", "total"].contains(&rule.chart), "{rule:?}");
            assert!(!rule.title.is_empty() && rule.order > 0, "{rule:?}");
        }
    }
}
