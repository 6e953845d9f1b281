# shellcheck shell=bash
# Packs busybox, the init script and the modules between power-on and the root disk.

echo "[3/5] initramfs"
initramfs=$work/initramfs
mkdir -p "$initramfs"/{bin,dev,modules,proc,root,sys}
install -m 755 "$(command -v busybox)" "$initramfs/bin/busybox"
ln -s busybox "$initramfs/bin/sh"
install -m 755 "$images/initramfs/init" "$initramfs/init"
module_closure "$images/kernel/boot-modules.txt" | while read -r file; do
  cp "$file" "$initramfs/modules/"
  basename "$file" >> "$initramfs/modules/order"
done
find "$initramfs" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
(cd "$initramfs" && find . -print0 | sort -z | cpio --null --create --format=newc --reproducible --owner=0:0 --quiet) \
  | gzip -9n > "$work/initramfs.gz"
