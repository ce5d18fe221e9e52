#!/bin/bash
# Prints a software bill of materials of the built program, in SPDX 2.3 as JSON: every package whose library it links, as
# Debian names it, the Swift runtime, and what is compiled in.
#
#   scripts/sbom.bash [PROGRAM]     default .build/release/motorpool
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
program=${1:-$root/.build/release/motorpool}
[[ -x $program ]] || { echo "$0: $program is not built: run ./run version first" >&2; exit 1; }

# name, version and architecture of the Debian package that a file belongs to; nothing for a file of no package.
package_of() {
    local file=$1 name
    for file in "$1" "$(realpath "$1")"; do
        name=$(dpkg-query -S "$file" 2>/dev/null | head -n 1 | cut -d: -f1) || true
        # Merged /usr: the package may know the file by its old place.
        [[ -n $name ]] || name=$(dpkg-query -S "${file#/usr}" 2>/dev/null | head -n 1 | cut -d: -f1) || true
        [[ -z $name ]] || { dpkg-query -W -f='${Package}\t${Version}\t${Architecture}\tlinked\n' "$name" | head -n 1; return; }
    done
}

{
    while read -r library; do
        if [[ $library == */swift/* ]]; then
            printf 'swift-runtime\t%s\tany\tlinked\n' "$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)"
        else
            package_of "$library"
        fi
    done < <(ldd "$program" | awk '$3 ~ /^\// { print $3 }')
    # llhttp comes as source, and is compiled into the program.
    dpkg-query -W -f='${Package}\t${Version}\t${Architecture}\tcompiled in\n' node-llhttp
} | sort -u | python3 -c '
import datetime, hashlib, json, sys

version, rows = sys.argv[1], [line.rstrip("\n").split("\t") for line in sys.stdin]
def package(name, version, **more):
    return {"SPDXID": "SPDXRef-" + name.replace("+", "-"), "name": name, "versionInfo": version,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", **more}
packages = [package("motorpool", version, licenseDeclared="Apache-2.0")]
relations = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-motorpool"}]
for name, number, architecture, how in rows:
    debian = name != "swift-runtime"
    locator = f"pkg:deb/debian/{name}@{number}?arch={architecture}" if debian else f"pkg:generic/swift@{number}"
    packages.append(package(name, number, externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                                         "referenceLocator": locator}]))
    relations.append({"spdxElementId": "SPDXRef-motorpool", "relatedSpdxElement": packages[-1]["SPDXID"],
                      "relationshipType": "STATIC_LINK" if how == "compiled in" else "DYNAMIC_LINK"})
digest = hashlib.sha256(repr(rows).encode()).hexdigest()
print(json.dumps({
    "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"motorpool-{version}",
    "documentNamespace": f"https://spdx.org/spdxdocs/motorpool-{version}-{digest}",
    "creationInfo": {"created": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                     "creators": ["Tool: motorpool-sbom"]},
    "packages": packages, "relationships": relations}, indent=2))
' "$("$program" version | awk '{ print $NF }')"
