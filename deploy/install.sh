#!/bin/sh
# Installs cmvmon from the bundle in which this file lies. No network is used: sh install.sh [--no-warm-up] FOLDER
#
#   FOLDER/releases/<id>   one environment for each bundle that was ever installed
#   FOLDER/current         a link to the one in use. It is changed last, in one step, when all of the new one is there and works:
#                          whatever goes wrong before, FOLDER is as it was.
# PYTHON=/path/to/python3.11 names another Python than python3.
set -eu
umask 022

refuse() {
    for line; do printf '%s\n' "$line" >&2; done
    exit 2
}

said() { sed -n "s/^$1 //p" "$here/bundle.txt"; }

# Nothing of this shell's environment or of pip's settings takes part: no index, no folder of wheels but ours.
alone() { env -i PATH="$PATH" HOME="$release" TMPDIR="${TMPDIR:-/tmp}" LANG=C.UTF-8 PIP_CONFIG_FILE=/dev/null PYTHONSAFEPATH=1 "$@"; }

is_to_warm_up=yes
if [ "${1-}" = --no-warm-up ]; then
    is_to_warm_up=no
    shift
fi
case "${1--}" in
-*) refuse "say where to install: sh install.sh [--no-warm-up] FOLDER, for example /opt/cmvmon" ;;
esac
[ $# = 1 ] || refuse "one FOLDER is needed, and $# words were given"
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)

# 1. Every byte, before anything is made.
[ -f "$here/SHA256SUMS" ] || refuse "SHA256SUMS is not beside install.sh: this is not a whole bundle, and nothing was installed"
wrong=$(cd "$here" && LC_ALL=C sha256sum --check --strict SHA256SUMS 2>&1 | grep -v ': OK$' | sed -n \
    -e 's/: FAILED open or read$/ is missing or can not be read/p' \
    -e 's/: FAILED$/ differs from its hash/p' \
    -e 's/^sha256sum: WARNING: .* improperly formatted$/SHA256SUMS has a line that is no hash/p' \
    -e 's/^sha256sum: SHA256SUMS: no properly formatted.*/SHA256SUMS holds no hash/p') || true
beside=$(cd "$here" && find . ! -type d ! -name SHA256SUMS | sed 's/^..//' | while IFS= read -r file; do
    grep -qxF "  $file" <<LISTED || printf '%s\n' "$file is not of this bundle"
$(sed 's/^[0-9a-f]\{64\}//' SHA256SUMS)
LISTED
done)
if [ -n "$wrong$beside" ]; then
    refuse "$(printf '%s\n%s\n' "$wrong" "$beside" | sed '/^$/d')" \
        "The bundle is not as it was made, so nothing was installed. Copy it again from where it was made."
fi

# 2. A Python for which these wheels are.
python=${PYTHON:-python3}
wanted="$(said python) $(said machine)"
found=$("$python" -c 'import platform, sys; print("%d.%d" % sys.version_info[:2], platform.machine())' 2>/dev/null) ||
    refuse "$python does not run; name a Python $(said python): PYTHON=/path/to/python sh install.sh FOLDER"
[ "$found" = "$wanted" ] || refuse "this bundle is for Python $wanted, and $python is $found; nothing was installed." \
    "Name another one (PYTHON=/path/to/python sh install.sh FOLDER), or make the bundle with that Python on such a machine."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    refuse "$python can make no environment; nothing was installed. On Debian the package python3-venv is missing."

# 3. A folder that is new, or our own.
mark=.installed-by-cmvmon
case "$1" in /*) folder=${1%/} ;; *) folder=$(pwd -P)/${1%/} ;; esac
if [ -e "$folder" ] || [ -L "$folder" ]; then
    [ -d "$folder" ] || refuse "$folder is no folder; nothing was installed"
    [ -f "$folder/$mark" ] || [ -z "$(ls -A "$folder")" ] ||
        refuse "$folder holds something that no install.sh of cmvmon put there; nothing was installed. Name a new folder."
fi
id=$(said version)-$(sha256sum "$here/SHA256SUMS" | cut -c1-12)
release=$folder/releases/$id

is_new=no is_done=no has_lock=no was_there=no
cleaned() {
    [ $is_done = yes ] || { [ $has_lock = no ] || rm -rf "$release" "$folder/.next"; }
    [ $has_lock = no ] || rmdir "$folder/.installing"
    if [ $is_done = no ] && [ $has_lock = yes ]; then
        if [ $is_new = yes ]; then rm -rf "${folder:?}/releases" "${folder:?}/$mark"; fi
        if [ $was_there = no ]; then rmdir "$folder"; fi
        echo "cmvmon was not installed; $folder is as it was" >&2
    fi
}
trap cleaned EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

[ -f "$folder/$mark" ] || is_new=yes
[ ! -d "$folder" ] || was_there=yes
mkdir -p "$folder" || refuse "$folder can not be made; nothing was installed"
mkdir "$folder/.installing" 2>/dev/null || refuse "$folder can not be written, or another install.sh is at work in it." \
    "If none is (one was killed): rmdir $folder/.installing, and run this again."
has_lock=yes
: >"$folder/$mark"

if [ -f "$release/.whole" ]; then
    echo "cmvmon $(said version) of this bundle is installed already"
else
    rm -rf "$release" # of one that was killed
    mkdir -p "$folder/releases"
    echo "every file is as it was made; installing cmvmon $(said version) [$(said extras)] into $release"
    "$python" -m venv "$release"
    alone "$release/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-cache-dir \
        --no-index --find-links "$here/wheels" --only-binary :all: --no-deps --require-hashes -r "$here/requirements.txt"
    alone "$release/bin/python" -m pip check --disable-pip-version-check >/dev/null
    [ $is_to_warm_up = no ] || alone "$release/bin/cmvmon" warmup
    alone "$release/bin/cmvmon" --version >/dev/null
    : >"$release/.whole"
fi
ln -sfn "releases/$id" "$folder/.next"
mv -T "$folder/.next" "$folder/current"
is_done=yes

cat <<NEXT
cmvmon $(said version) is in use: $folder/current/bin/cmvmon
SHA256SUMS of this bundle: $(sha256sum "$here/SHA256SUMS" | cut -d' ' -f1)
Compare that with what whoever made the bundle told you. Next:
  $folder/current/bin/cmvmon init SITE     a new site; an old one: cmvmon backup, then cmvmon doctor
  $folder/current/bin/cmvmon doctor --site SITE
Services for systemd are in systemd/, the container's parts in container/; deploying.md says how.
NEXT
for old in "$folder"/releases/*; do
    [ "$old" = "$release" ] || echo "of before, may be removed when nothing runs from it: $old"
done
