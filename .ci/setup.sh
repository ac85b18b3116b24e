#!/bin/sh
# Sets up what the make targets need; run from the top folder by make.
#   setup.sh           everything that `make demo` needs, and the Python packages of all targets
#   setup.sh browser   the browser that the tests look at pages with
#   PYTHON  the interpreter that the environment is made from (default python3)
#   VENV    the environment's folder (default .venv)
# Ends with one line on standard error and status 1 where it cannot go on.
set -eu

python=${PYTHON:-python3}
venv=${VENV:-.venv}
wanted=${1:-tools}

refuse() {
    echo "setup: $*" >&2
    exit 1
}

present() {
    command -v "$1" >/dev/null 2>&1
}

# Names of the Debian packages that are missing, for what was asked for.
missing_packages() {
    if [ "$wanted" = browser ]; then
        present chromium || present chromium-browser || present google-chrome || echo chromium
    else
        missing_tools
    fi
}

# Names of the missing packages of tools. Each is probed for by what is used of it, so that a tool from
# elsewhere counts too.
missing_tools() {
    present g++ || echo g++          # compiles Verilator's models and spicebind
    present make || echo make        # drives Verilator's builds
    present perl || echo perl        # runs the `verilator` script
    present iverilog || echo iverilog
    present ngspice || echo ngspice
    present g++ && printf '#include <ngspice/sharedspice.h>\nint main() { return 0; }\n' |
        g++ -x c++ -o /dev/null - -lngspice >/dev/null 2>&1 || echo libngspice0-dev
    if ! present "$python"; then
        echo python3 python3-venv libpython3-dev
        return
    fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    "$python" - 2>/dev/null <<'PYTHON' || echo libpython3-dev
import ctypes, os, platform, sys, sysconfig
# cocotb loads the interpreter's shared library into the simulator.
name = sysconfig.get_config_var("INSTSONAME") or ""
inside = os.path.join(sysconfig.get_config_var("LIBDIR") or "", name)
ctypes.CDLL(inside if os.path.exists(inside) else name if ".so" in name else "absent")
# It is compiled where it has no wheel for Linux.
header = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.exit(platform.machine() != "x86_64" and not os.path.exists(header))
PYTHON
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

install_packages() {
    command="apt-get install $*"
    present apt-get || refuse "missing: $* (names of Debian packages); install these and run make again"
    [ "$(id -u)" = 0 ] || { present sudo && sudo -n true 2>/dev/null; } ||
        refuse "system packages are missing and there are no rights to install them; run: sudo $command"
    echo "setup: installing system packages: $*"
    log=$(mktemp)
    # Stale or partly unreachable package lists are no reason to stop: the installation itself decides.
    as_root apt-get update >"$log" 2>&1 || true
    if ! as_root apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        refuse "this failed, for the reason above: $command"
    fi
    rm -f "$log"
}

check_python_version() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || refuse \
        "Python must be 3.11 or newer, got $("$python" -V 2>&1) from $python; run: make PYTHON=/path/to/python3.11"
}

if present "$python"; then
    check_python_version
elif [ "$python" != python3 ]; then
    refuse "there is no interpreter of the name $python; run: make PYTHON=/path/to/python3.11"
fi
packages=$(missing_packages | tr '\n' ' ')
packages=${packages% }
if [ -n "$packages" ]; then
    # ccache makes repeated Verilator builds quick; alone it is no reason to ask for root.
    [ "$wanted" = browser ] || present ccache || packages="$packages ccache"
    install_packages $packages
    check_python_version
    packages=$(missing_packages | tr '\n' ' ')
    [ -z "$packages" ] || refuse "still missing after installing Debian's packages for it: ${packages% }" \
        "(is $python Debian's own? run: make PYTHON=/usr/bin/python3)"
fi

[ "$wanted" != browser ] || exit 0

# An environment that was left half made, or made from an older Python, is made anew.
"$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    "$python" -m venv --clear "$venv"
pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check -qq "$@"
}
echo "setup: installing the locked Python packages into $venv (about a minute the first time)"
pip install --require-hashes --only-binary :all: -r requirements-build.lock
# Without isolation, builds use the tools that were locked in the line above.
pip install --require-hashes --no-build-isolation -r requirements.lock
pip install --no-deps --no-build-isolation --editable .
