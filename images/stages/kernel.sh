# shellcheck shell=bash
# Unpacks the kernel package. Sets $kernel (root with lib/modules) and $kernel_version; module_closure lists files.

echo "[2/5] kernel"
kernel=$work/kernel
dpkg-deb -x "$debian/kernel.deb" "$kernel"
kernel_version=$(ls "$kernel/lib/modules")
cp "$kernel/boot/vmlinuz-$kernel_version" "$work/vmlinuz"
depmod -b "$kernel" "$kernel_version"

# Prints the files of the modules named in a list, dependencies first, each once. Built-in ones have no file.
module_closure() {
  while read -r module; do
    modprobe -d "$kernel" -S "$kernel_version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
  done < "$1" | awk '!seen[$0]++'
}
