#!/usr/bin/env bash
# Installs what is missing, and nothing twice:
#   setup.sh compiler   a C compiler, for the build
#   setup.sh services   that, and the servers of the tests: RabbitMQ, and mongo-java-server where there is no MongoDB;
#                       and what reads artifacts back: qpdf, pdftotext, Python with a few packages
# The tests start the servers themselves; nothing is left running here.
set -euo pipefail
cd "$(dirname "$0")/../.."

mongo_dir=target/test-services/mongo-java-server
python_dir=target/test-services/python

has() {
    command -v "$1" >/dev/null
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Debian starts a service as soon as it is installed, unless policy-rc.d says no. In a subshell for its trap.
install() (
    policy=/usr/sbin/policy-rc.d
    if ! has apt-get; then
        echo "setup.sh: please install: $*" >&2
        exit 1
    fi
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
    fi
    as_root apt-get -q update </dev/null
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get -q install -y --no-install-recommends "$@" </dev/null
)

compiler() {
    has cc || install gcc libc6-dev
}

rabbitmq() {
    # The server itself, which the tests run as whoever they are; Debian's wrapper on the PATH wants root.
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || install rabbitmq-server
}

mongo() {
    if [ -n "${MAESTRO_TEST_MONGO_URI:-}" ] || has mongod; then
        return
    fi
    # The launcher is a Java source file, so a JDK is needed, not only a Java runtime.
    has javac || install default-jdk-headless
    # All of them, also where an older list had fewer.
    if compgen -G "$mongo_dir/mongo-java-server-h2-backend-*.jar" >/dev/null; then
        return
    fi
    has mvn || install maven
    # Moved when complete, so that a download cut short is not taken for the whole.
    local part="$PWD/$mongo_dir.part"
    rm -rf "$part"
    mvn -B -q -f tests/support/mongo-java-server.xml \
        org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$part" </dev/null
    rm -rf "$mongo_dir"
    mv "$part" "$mongo_dir"
}

readers() {
    has qpdf || install qpdf
    has pdftotext || install poppler-utils
    python3 -c 'import ensurepip, venv' 2>/dev/null || install python3 python3-venv
    local wanted=tests/support/requirements.txt
    if cmp -s "$wanted" "$python_dir/requirements.txt"; then
        return
    fi
    rm -rf "$python_dir"
    python3 -m venv "$python_dir"
    "$python_dir/bin/python" -m pip install -q --disable-pip-version-check -r "$wanted" </dev/null
    # Copied last, so that an installation cut short is not taken for the whole.
    cp "$wanted" "$python_dir"
}

case "${1:-}" in
    compiler)
        compiler
        ;;
    services)
        compiler
        rabbitmq
        mongo
        readers
        ;;
    *)
        echo "usage: setup.sh compiler|services" >&2
        exit 2
        ;;
esac
