//! The groups of some hosts.

use super::names;
use foldhash::{HashMap, HashSet};

/// What a group is made of, in the order in which groups are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Provider,
    Region,
    Environment,
    Role,
    Application,
    System,
}

impl Kind {
    const COUNT: usize = 6;

    fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Region => "region",
            Self::Environment => "environment",
            Self::Role => "role",
            Self::Application => "application",
            Self::System => "system",
        }
    }
}

/// Hosts in the order in which they came, and which groups they are in: the hosts' names one after another in one text,
/// four bytes for a host in a group.
#[derive(Debug, Default)]
pub(super) struct Groups {
    names: String,
    /// Where each host's name ends.
    ends: Vec<u32>,
    groups: Vec<(Kind, String, Vec<u32>)>,
    by_name: HashMap<String, usize>,
    by_value: [HashMap<String, usize>; Kind::COUNT],
    /// Whether a host may be there more than once.
    repeats: bool,
}

impl Groups {
    /// A host, with the values that make its groups; `again` where it may be there already.
    pub(super) fn add(&mut self, host: &str, again: bool, values: &[(Kind, &str)]) {
        self.names.push_str(host);
        let place = as_u32(self.ends.len());
        self.ends.push(as_u32(self.names.len()));
        self.repeats |= again;
        for (kind, value) in values {
            let group = self.group(*kind, value);
            if let Some((_, _, hosts)) = self.groups.get_mut(group).filter(|(_, _, hosts)| hosts.last() != Some(&place))
            {
                hosts.push(place);
            }
        }
    }

    fn group(&mut self, kind: Kind, value: &str) -> usize {
        let by_value = &mut self.by_value[kind as usize];
        if let Some(group) = by_value.get(value) {
            return *group;
        }
        let name = names::group(kind.name(), value);
        let group = *self.by_name.entry(name.clone()).or_insert_with(|| {
            self.groups.push((kind, name, Vec::new()));
            self.groups.len() - 1
        });
        by_value.insert(value.to_owned(), group);
        group
    }

    /// How many hosts there are.
    pub(super) fn hosts(&self) -> usize {
        self.ends.len()
    }

    /// Whether no host is in a group.
    pub(super) fn has_none(&self) -> bool {
        self.groups.is_empty()
    }

    /// Shows each group with its hosts, and forgets all.
    pub(super) fn drain(&mut self, mut show: impl FnMut(&str, &mut dyn Iterator<Item = &str>)) {
        let Self { names, ends, mut groups, repeats, .. } = std::mem::take(self);
        groups.sort_unstable();
        for (_, group, hosts) in groups {
            let mut hosts = hosts.into_iter().map(|place| name(&names, &ends, place));
            if repeats {
                let mut shown = HashSet::default();
                show(&group, &mut hosts.filter(|host| shown.insert(*host)));
            } else {
                show(&group, &mut hosts);
            }
        }
    }
}

fn name<'a>(names: &'a str, ends: &[u32], place: u32) -> &'a str {
    let place = place as usize;
    let end = |place: usize| ends.get(place).copied().unwrap_or_default() as usize;
    let start = place.checked_sub(1).map_or(0, end);
    names.get(start..end(place)).unwrap_or_default()
}

/// Names of the hosts of a bounded format, or of a part of a streamed one, are far from 4 GiB.
fn as_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_come_by_kind_and_name_with_each_host_once() {
        let mut groups = Groups::default();
        groups.add("a", false, &[(Kind::System, "x"), (Kind::Provider, "AWS"), (Kind::Provider, "aws")]);
        groups.add("b", false, &[(Kind::Provider, "aws")]);
        groups.add("a", true, &[(Kind::Provider, "AWS"), (Kind::Application, "y")]);
        assert_eq!((groups.hosts(), groups.has_none()), (3, false));
        let mut shown = Vec::new();
        groups.drain(|group, hosts| shown.push(format!("{group}: {}", hosts.collect::<Vec<_>>().join(" "))));
        assert_eq!(shown, ["provider_aws: a b", "application_y: a", "system_x: a"]);
        assert_eq!((groups.hosts(), groups.has_none()), (0, true));
    }
}
