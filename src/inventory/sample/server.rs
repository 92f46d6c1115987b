//! Made-up servers.

use super::chain::{Counts, application_name, environment, part};
use super::people::{Kind, is_others, partner, sign, tags};
use super::places;
use super::random::Random;
use serde_json::{Value, json};

const SYSTEMS: [(&str, &str, &str); 10] = [
    ("Linux", "Ubuntu", "22.04"),
    ("Linux", "Ubuntu", "22.04"),
    ("Linux", "Ubuntu", "20.04"),
    ("Linux", "Debian", "12"),
    ("Linux", "Debian", "11"),
    ("Linux", "CentOS", "7.9"),
    ("Linux", "RedHat", "9.3"),
    ("Linux", "Amazon Linux", "2"),
    ("Windows", "Windows Server", "2019"),
    ("Windows", "Windows Server", "2022"),
];
const EVERYWHERE: [(&str, &str); 4] =
    [("node_exporter", "1.7.0"), ("filebeat", "8.11.1"), ("ntpd", "4.2.8"), ("docker", "24.0.7")];
const STATUS: [&str; 10] =
    ["active", "active", "active", "active", "active", "active", "active", "active", "stopped", "avaliable"];

pub(super) fn server(counts: Counts, index: u64) -> Value {
    let mut random = Kind::Server.random(index);
    let applications = applications(&mut random, counts, index);
    let (role, family, software) = part(applications.first().copied().unwrap_or(index));
    let (base, dist, version) = random.one(&SYSTEMS);
    let place = places::place(&mut random);
    let environment = environment(&mut random);
    let size = random.below(4);
    let hostname = format!("{role}-{}-{}-{index:05}", &environment[..3], place.region);
    let private = format!("10.{}.{}.{}", (index >> 16) & 255, (index >> 8) & 255, index & 255);
    let applications: Vec<Value> = applications
        .into_iter()
        .map(|index| json!({"_id": Kind::Application.id(index), "name": application_name(index)}))
        .collect();
    let mut record = json!({
        "_id": Kind::Server.id(index), "hostname": hostname, "ipv4_private": private,
        "dns_private": format!("{hostname}.internal.example"),
        "os": {"base": base, "dist": dist, "version": version}, "cpu": 1_u64 << size, "memory": 4_u64 << size,
        "environment": environment, "status": random.one(&STATUS), "role": family,
        "storage": storage(&mut random, base), "services": services(&mut random, software),
        "auth": auth(&mut random, base), "tags": tags(&mut random),
        "metas": {"security_groups": format!("sg-{role}-{environment}")},
        "datacenters": datacenter(&mut random, &place, usize::try_from(size).unwrap_or_default()),
        "applications": applications,
    });
    if random.percent(30) {
        record["ipv4_public"] = json!(format!("203.0.{}.{}", 112 + ((index >> 8) & 3), index & 255));
        record["dns_public"] = json!(format!("{hostname}.example"));
    }
    sign(&mut record, &mut random, index);
    record
}

/// None for a few, two for some, else one.
fn applications(random: &mut Random, counts: Counts, index: u64) -> Vec<u64> {
    let count = match random.below(100) {
        0..5 => 0,
        5..15 => 2,
        _ => 1,
    };
    let mut all: Vec<u64> = (0..count).map(|_| partner(random, counts.applications, is_others(index))).collect();
    all.dedup();
    all
}

fn storage(random: &mut Random, base: &str) -> Vec<Value> {
    let windows = base == "Windows";
    let disks = 1 + random.below(3);
    let name = |disk: u64| {
        let letter = char::from(b"abcdef"[usize::try_from(disk % 6).unwrap_or_default()]);
        if windows { format!("disk{disk}") } else { format!("/dev/sd{letter}") }
    };
    let disk = |disk| json!({"name": name(disk), "size": 20 << random.below(6), "status": "attached"});
    (0..disks).map(disk).collect()
}

fn services(random: &mut Random, software: &str) -> Vec<Value> {
    let version = format!("{}.{}", 1 + random.below(12), random.below(10));
    let mut services = vec![json!({"name": software.to_lowercase(), "version": version, "status": "running"})];
    for (name, version) in EVERYWHERE {
        if random.percent(45) {
            services.push(json!({"name": name, "version": version, "status": "running"}));
        }
    }
    services
}

fn auth(random: &mut Random, base: &str) -> Value {
    if base == "Windows" {
        return json!([{"name": "domain", "type": "ldap", "username": "administrator"}]);
    }
    let username = random.one(&["ubuntu", "ec2-user", "deploy", "root"]);
    json!([{"name": "ssh", "type": "key", "username": username, "key": format!("/etc/keys/{username}.pem")}])
}

fn datacenter(random: &mut Random, place: &places::Place, size: usize) -> Value {
    let mut datacenter = place.to_json();
    let own = place.provider == "On-premise";
    datacenter["type"] = json!(if own { "virtual" } else { "cloud" });
    datacenter["instance"] = json!(place.instance(size));
    datacenter["instance_id"] = json!(format!("i-{:012x}", random.below(1 << 48)));
    datacenter["subnet_id"] = json!(format!("subnet-{:04x}", random.below(64)));
    datacenter["virtualization_type"] = json!("hvm");
    datacenter["hypervisor"] = json!(if own { "vmware" } else { "kvm" });
    datacenter["root_device_type"] = json!(if own { "disk" } else { "ebs" });
    datacenter["architecture"] = json!(random.one(&["x86_64", "x86_64", "x86_64", "arm64"]));
    datacenter
}
