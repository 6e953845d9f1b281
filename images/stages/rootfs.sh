# shellcheck shell=bash
# Debian's userland, our files, the agent and the modules as one ext4 image of 4 GiB, sparse.

echo "[5/5] root filesystem"
root=$work/root
mkdir "$root"
tar -xpf "$debian/rootfs.tar" -C "$root" --numeric-owner --xattrs --xattrs-include='*'
cp -r --no-preserve=ownership "$images/base/files/." "$root/"
chown -R 0:0 "$root/etc/sudoers.d"
chmod 0440 "$root/etc/sudoers.d/user"
: > "$root/etc/machine-id"
ln -sf /usr/share/zoneinfo/Etc/UTC "$root/etc/localtime"
install -D -m 755 "$work/agent" "$root/usr/lib/nullspace/agent"
ln -s ../lib/nullspace/agent "$root/usr/sbin/nullspace-init"
module_closure "$images/kernel/guest-modules.txt" | while read -r file; do
  install -D -m 644 "$file" "$root/usr${file#"$kernel"}"
done
cp "$kernel/lib/modules/$kernel_version"/modules.{builtin,builtin.modinfo,order} "$root/usr/lib/modules/$kernel_version/"
depmod -b "$root" "$kernel_version"
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# No journal: a machine's disk is never mounted after a crash. It is frozen together with the memory that knows its
# state, or thrown away; a journal would write every change of metadata twice and wake an idle guest.
# No metadata checksums either: they guard against what the host's storage guards already, at an emulated processor's
# cost. The features are spelled out because the defaults differ between the hosts' e2fsprogs.
# resize=: room to grow online to 128 GiB. Fixed ids: the same inputs give the same bytes.
features=none,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,uninit_bg
truncate -s 4G "$work/rootfs.ext4"
export E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH
mke2fs -q -t ext4 -b 4096 -I 256 -m 1 -O "$features" -L nullspace \
  -U 6e756c6c-7370-4163-8562-617365000001 \
  -E hash_seed=6e756c6c-7370-4163-8562-617365000002,root_owner=0:0,lazy_itable_init=1,assume_storage_prezeroed=1,resize=33554432 \
  -d "$root" "$work/rootfs.ext4"

# Access and change times are taken from the unpacked tree, where nobody can set them: every inode gets the fixed one.
used=$(dumpe2fs -h "$work/rootfs.ext4" 2> /dev/null | awk -F: '/^Inode count/ { n = $2 } /^Free inodes/ { n -= $2 } END { print n }')
{ echo 2; seq 11 "$used"; } | awk -v t="$SOURCE_DATE_EPOCH" '{ print "set_inode_field <" $1 "> atime @" t; print "set_inode_field <" $1 "> ctime @" t }' \
  | debugfs -w -f - "$work/rootfs.ext4" > /dev/null 2>&1
