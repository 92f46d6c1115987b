//! Made-up data centers and the places in them.

use super::people::{Kind, sign, tags};
use super::random::Random;
use serde_json::{Value, json};

/// A data center: name, provider, regions (each with the letters or numbers of its zones), instance types.
struct Datacenter {
    name: &'static str,
    provider: &'static str,
    regions: [&'static str; 3],
    zones: [&'static str; 3],
    instances: [&'static str; 4],
}

const DATACENTERS: [Datacenter; 6] = [
    Datacenter {
        name: "aws-production",
        provider: "AWS",
        regions: ["us-east-1", "us-west-2", "sa-east-1"],
        zones: ["a", "b", "c"],
        instances: ["t3.medium", "m5.large", "m5.2xlarge", "r5.xlarge"],
    },
    Datacenter {
        name: "aws-labs",
        provider: "AWS",
        regions: ["eu-west-1", "eu-central-1", "us-east-1"],
        zones: ["a", "b", "c"],
        instances: ["t3.micro", "t3.small", "t3.medium", "m5.large"],
    },
    Datacenter {
        name: "azure-corporate",
        provider: "Azure",
        regions: ["brazilsouth", "westeurope", "eastus2"],
        zones: ["-1", "-2", "-3"],
        instances: ["Standard_B2s", "Standard_D2s_v3", "Standard_D4s_v3", "Standard_E4s_v3"],
    },
    Datacenter {
        name: "ovh-europe",
        provider: "OVH",
        regions: ["gra", "sbg", "rbx"],
        zones: ["1", "3", "5"],
        instances: ["b2-7", "b2-15", "c2-15", "r2-30"],
    },
    Datacenter {
        name: "sao-paulo-dc1",
        provider: "On-premise",
        regions: ["sp", "sp-backup", "sp-edge"],
        zones: ["-room1", "-room2", "-room3"],
        instances: ["vm-small", "vm-medium", "vm-large", "bare-metal"],
    },
    Datacenter {
        name: "frankfurt-dc2",
        provider: "On-premise",
        regions: ["fra", "fra-backup", "fra-edge"],
        zones: ["-room1", "-room2", "-room3"],
        instances: ["vm-small", "vm-medium", "vm-large", "bare-metal"],
    },
];

/// How many data centers there are.
pub(super) const COUNT: u64 = DATACENTERS.len() as u64;

/// Where something runs.
pub(super) struct Place {
    id: String,
    name: &'static str,
    pub(super) provider: &'static str,
    pub(super) region: &'static str,
    zone: &'static str,
    instances: [&'static str; 4],
}

/// The record of a data center.
pub(super) fn datacenter(index: u64) -> Value {
    let mut random = Kind::Datacenter.random(index);
    let Datacenter { name, provider, regions, zones, .. } =
        &DATACENTERS[usize::try_from(index % COUNT).unwrap_or_default()];
    let zones: Vec<String> =
        regions.iter().flat_map(|region| zones.iter().map(move |zone| format!("{region}{zone}"))).collect();
    let mut record = json!({
        "_id": Kind::Datacenter.id(index), "name": name, "provider": provider, "regions": regions, "zones": zones,
        "tags": tags(&mut random),
    });
    sign(&mut record, &mut random, index);
    record
}

/// A place somewhere; the first data centers hold most.
pub(super) fn place(random: &mut Random) -> Place {
    let index = random.below(COUNT).min(random.below(COUNT));
    let Datacenter { name, provider, regions, zones, instances } =
        &DATACENTERS[usize::try_from(index).unwrap_or_default()];
    let id = Kind::Datacenter.id(index);
    Place { id, name, provider, region: random.one(regions), zone: random.one(zones), instances: *instances }
}

impl Place {
    /// `_id`, `name`, `provider`, `region` and `zone`, as records refer to their data center.
    pub(super) fn to_json(&self) -> Value {
        let zone = format!("{}{}", self.region, self.zone);
        json!({"_id": self.id, "name": self.name, "provider": self.provider, "region": self.region, "zone": zone})
    }

    /// One of the sizes of machine that can be had here, from 0 (the smallest) to 3.
    pub(super) fn instance(&self, size: usize) -> &'static str {
        self.instances.get(size).copied().unwrap_or_default()
    }
}
