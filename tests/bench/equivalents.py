"""Writes rows as the Python service does, and prints the seconds that it took without reading them.

Usage: equivalents.py csv|xml|inventory ROWS.ndjson OUTPUT
"""

import json
import re
import sys
import time


def csv(rows, output):
    import pandas

    start = time.perf_counter()
    pandas.json_normalize(rows).to_csv(output, quoting=2)
    return start


def xml(rows, output):
    import dicttoxml

    start = time.perf_counter()
    with open(output, "wb") as file:
        file.write(dicttoxml.dicttoxml(rows))
    return start


ADDRESSES = ["dns_internal", "ipv4_private", "ipv4_public", "hostname"]


def host_line(row):
    """The line of a host, after section 3 of the platform's contract."""
    ansible, auth = row.get("ansible") or {}, row.get("auth") or [{}]
    variables = {
        "ansible_host": next((row[key] for key in ADDRESSES if row.get(key)), None),
        "ansible_user": ansible.get("user") or auth[0].get("username"),
        "ansible_ssh_private_key_file": ansible.get("key"),
        "ansible_port": ansible.get("port"),
    }
    return row["hostname"] + "".join(f" {key}={value}" for key, value in variables.items() if value)


def groups_of(row):
    """The groups of a host, valid names as Ansible wants them."""
    datacenter = row.get("datacenters") or {}
    values = [("provider", datacenter.get("provider")), ("region", datacenter.get("region"))]
    values += [(key, row.get(key)) for key in ("environment", "role")]
    values += [("application", each.get("name")) for each in row.get("applications") or []]
    values += [("system", each.get("name")) for each in row.get("system") or []]
    return [f"{kind}_" + re.sub(r"\W", "_", str(value).lower()) for kind, value in values if value]


def inventory(rows, output):
    start = time.perf_counter()
    seen, lines, groups = set(), ["[all]"], {}
    for row in rows:
        if row["_id"] not in seen and row.get("hostname"):
            seen.add(row["_id"])
            lines.append(host_line(row))
            for group in groups_of(row):
                groups.setdefault(group, []).append(row["hostname"])
    for group, hosts in groups.items():
        lines += ["", f"[{group}]", *hosts]
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return start


def main():
    kind, source, output = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    start = {"csv": csv, "xml": xml, "inventory": inventory}[kind](rows, output)
    print(time.perf_counter() - start)


main()
