import { expect, test } from 'vitest'
import { qemuArguments } from './command-line.ts'
import type { HostTraits } from './host.ts'

const host: HostTraits = { accelerator: 'tcg', cpuModel: 'max', version: '7.2.22', readOnlyMemoryFile: false, tscKhz: 2_445_426 }
const spec = {
  id: 'm1',
  dir: '/data/vm/m1',
  uid: 1,
  gid: 1,
  vcpus: 2,
  memoryMb: 512,
  disk: '/data/disk/m1.qcow2',
  backing: [
    { file: '/data/base/disk.qcow2', format: 'layer' },
    { file: '/images/rootfs.ext4', format: 'raw' },
  ],
  memoryFile: '/data/base/memory',
  network: null,
} as const
const boot = { kind: 'boot', kernel: '/k', initramfs: '/i' } as const
const restore = { kind: 'restore' } as const

/** An option and its value on one line. */
const lines = (args: readonly string[]): string => args.join(' ').replaceAll(/ (?=-\w)/g, '\n')

test('a cold boot under emulation', () => {
  expect(lines(qemuArguments(spec, boot, host))).toMatchInlineSnapshot(`
    "-name m1
    -machine microvm,acpi=on,rtc=on,memory-backend=ram,suppress-vmdesc=on,mem-merge=off,dump-guest-core=off
    -global migration.send-configuration=off
    -accel tcg,thread=multi,tb-size=64
    -cpu max
    -smp 2
    -m 512
    -object memory-backend-file,id=ram,size=512M,mem-path=/data/base/memory,share=on
    -nodefaults
    -no-user-config
    -no-reboot
    -display none
    -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
    -qmp unix:/data/vm/m1/q,server=on,wait=off
    -kernel /k
    -initrd /i
    -append console=ttyS0 quiet loglevel=3 panic=-1 reboot=t random.trust_cpu=on no_timer_check ipv6.disable=1 8250.nr_uarts=1 tsc=reliable tsc_early_khz=2445426 mitigations=off norandmaps
    -chardev stdio,id=console,signal=off
    -serial chardev:console
    -device virtio-serial-device
    -chardev socket,id=agent,path=/data/vm/m1/a,server=on,wait=off
    -device virtserialport,chardev=agent,name=agent
    -add-fd fd=6,set=6
    -blockdev {"driver":"raw","node-name":"base1","read-only":true,"file":{"driver":"file","filename":"/dev/fdset/6"}}
    -add-fd fd=5,set=5
    -blockdev {"driver":"qcow2","node-name":"base0","read-only":true,"file":{"driver":"file","filename":"/dev/fdset/5"},"backing":"base1"}
    -blockdev {"driver":"qcow2","node-name":"disk","discard":"unmap","backing":"base0","file":{"driver":"file","node-name":"disk-file","filename":"/data/disk/m1.qcow2"}}
    -device virtio-blk-device,drive=disk,werror=stop,rerror=report
    -netdev hubport,id=net,hubid=0
    -device virtio-net-device,netdev=net,mac=02:4e:53:00:00:01
    -device virtio-rng-device"
  `)
})

test('a restore differs from a boot in where memory and state come from, never in devices', () => {
  const [booted, restored] = [boot, restore].map((start) => lines(qemuArguments(spec, start, host)).split('\n'))
  expect(restored?.filter((line) => !booted?.includes(line))).toMatchInlineSnapshot(`
    [
      "-object memory-backend-file,id=ram,size=512M,mem-path=/data/base/memory,share=off",
      "-incoming fd:3",
      "-S",
    ]
  `)
  expect(booted?.filter((line) => !restored?.includes(line)).map((line) => line.slice(0, 70))).toMatchInlineSnapshot(`
    [
      "-object memory-backend-file,id=ram,size=512M,mem-path=/data/base/memor",
      "-kernel /k",
      "-initrd /i",
      "-append console=ttyS0 quiet loglevel=3 panic=-1 reboot=t random.trust_",
    ]
  `)
})

test('a disk with nothing below it has nothing below it, whatever its header says', () => {
  expect(qemuArguments({ ...spec, backing: [] }, restore, host).filter((arg) => arg.includes('node-name'))).toMatchInlineSnapshot(`
    [
      "{"driver":"qcow2","node-name":"disk","discard":"unmap","backing":null,"file":{"driver":"file","node-name":"disk-file","filename":"/data/disk/m1.qcow2"}}",
    ]
  `)
  const one = qemuArguments({ ...spec, backing: spec.backing.slice(0, 1) }, restore, host)
  expect(one.filter((arg) => arg.includes('"base0"') && arg.includes('read-only'))).toMatchInlineSnapshot(`
    [
      "{"driver":"qcow2","node-name":"base0","read-only":true,"file":{"driver":"file","filename":"/dev/fdset/5"},"backing":null}",
    ]
  `)
})

test('a network changes the far end of the card only', () => {
  const network = { netns: 'ns7', tap: 'tap0' }
  const alone = qemuArguments(spec, restore, host)
  expect(qemuArguments({ ...spec, network }, restore, host).filter((arg) => !alone.includes(arg))).toMatchInlineSnapshot(`
    [
      "tap,id=net,ifname=tap0,script=no,downscript=no,vnet_hdr=off",
    ]
  `)
})

test('newer QEMU opens shared memory for reading only', () => {
  const args = qemuArguments(spec, restore, { ...host, version: '10.0.3', readOnlyMemoryFile: true })
  expect(args.filter((arg) => arg.includes('memory-backend-file'))).toMatchInlineSnapshot(`
    [
      "memory-backend-file,id=ram,size=512M,mem-path=/data/base/memory,share=off,readonly=on,rom=off",
    ]
  `)
})

test('under KVM the guest keeps its mitigations and has a clock from the host', () => {
  const args = qemuArguments(spec, boot, { ...host, accelerator: 'kvm', cpuModel: 'host' })
  expect(args.filter((arg) => arg.startsWith('console=') || arg === 'kvm' || arg === 'host')).toMatchInlineSnapshot(`
    [
      "kvm",
      "host",
      "console=ttyS0 quiet loglevel=3 panic=-1 reboot=t random.trust_cpu=on no_timer_check ipv6.disable=1 8250.nr_uarts=1",
    ]
  `)
})

test('a comma in a path does not end an option', () => {
  expect(qemuArguments({ ...spec, disk: '/a,b' }, restore, host).filter((arg) => arg.includes('/a'))).toMatchInlineSnapshot(`
    [
      "socket,id=agent,path=/data/vm/m1/a,server=on,wait=off",
      "{"driver":"qcow2","node-name":"disk","discard":"unmap","backing":"base0","file":{"driver":"file","node-name":"disk-file","filename":"/a,b"}}",
    ]
  `)
})
