# shellcheck shell=bash
# Debian's part: the userland as a tarball and the kernel package, both from the same suite whatever the host runs.
# Sets $debian (directory with rootfs.tar and kernel.deb) and $python_version.

debian_key=$(cat "$images/base/packages.txt" "$images/stages/debian.sh" | sha256sum | cut -c1-16)
debian=$cache/debian-$debian_key

if [ ! -f "$debian/rootfs.tar" ]; then
  echo "[1/5] Debian $suite: packages (some minutes)"
  mkdir -p "$work/debian"
  # Docs and translations are left out for good: the guest's dpkg gets the same rules.
  # shellcheck disable=SC2016 # $1 is the hook's
  mmdebstrap --mode=root --variant=minbase --include="$(paste -sd, "$images/base/packages.txt")" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook='chroot "$1" useradd --uid 1000 --create-home --shell /bin/bash user' \
    --customize-hook='install -d -m 0777 "$1/workspace"' \
    --customize-hook='chroot "$1" sh -c "cd /tmp && apt-get download \$(apt-cache depends linux-image-cloud-amd64 | awk \"/Depends: linux-image/{print \\\$2; exit}\")" 2>&1' \
    --customize-hook='mv "$1"/tmp/linux-image-*.deb "'"$work"'/debian/kernel.deb"' \
    --customize-hook='chroot "$1" dpkg-query -W -f "\${Version}" python3 | sed "s/-.*//" > "'"$work"'/debian/python"' \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/cache/ldconfig/aux-cache "$1"/var/cache/debconf/*-old "$1"/var/log/*.log "$1"/var/log/apt/* "$1"/tmp/* "$1"/etc/machine-id "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/etc/passwd- "$1"/etc/shadow- "$1"/etc/group- "$1"/etc/gshadow- "$1"/etc/subuid- "$1"/etc/subgid-' \
    "$suite" "$work/debian/rootfs.tar" > "$work/debian.log" 2>&1 || { tail -20 "$work/debian.log" >&2; exit 1; }
  rm -rf "$debian"
  mv "$work/debian" "$debian"
else
  echo "[1/5] Debian $suite: cached"
fi
python_version=$(cat "$debian/python")
