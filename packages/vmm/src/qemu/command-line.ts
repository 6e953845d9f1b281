// From a specification to QEMU's arguments. Pure, so that one test can show the whole line.
// Every VM has the same devices in the same order, however it starts and whatever it is connected to: device state
// saved by one is loaded by another.

import { vmPaths } from '../paths.ts'
import { diskArguments } from './disk.ts'
import type { HostTraits } from './host.ts'
import type { VmSpec } from '../driver.ts'

/** `waits`: device state is loaded when it is told to be, for its memory is not complete before. */
export type Start =
  | { readonly kind: 'boot'; readonly kernel: string; readonly initramfs: string }
  | { readonly kind: 'restore'; readonly waits?: boolean }

/** The same for every machine: a restored guest needs no new address, and each has a network of its own. */
export const GUEST_MAC = '02:4e:53:00:00:01'
/** Raised when the devices, their order or their options change: older device state would not load. */
export const MACHINE = 'microvm/1'

/**
 * Descriptors that the process is started with, after the standard ones: the device state that it loads, a file for the
 * state that it will save (one that boots has neither), and the layers of its disk.
 */
export const STATE_FD = 3
export const SAVE_FD = 4

export function qemuArguments(spec: VmSpec & { readonly memoryFile: string }, start: Start, host: HostTraits): string[] {
  const paths = vmPaths(spec.dir)
  return [
    ['-name', escape(spec.id)],
    // Device state saved on its own has neither description nor configuration, so an incoming one must not expect them.
    ['-machine', 'microvm,acpi=on,rtc=on,memory-backend=ram,suppress-vmdesc=on,mem-merge=off,dump-guest-core=off'],
    ['-global', 'migration.send-configuration=off'],
    ['-accel', host.accelerator === 'tcg' ? `tcg,thread=multi,tb-size=${TRANSLATION_BUFFER_MB}` : 'kvm'],
    ['-cpu', host.cpuModel],
    ['-smp', `${spec.vcpus}`],
    ['-m', `${spec.memoryMb}`],
    ['-object', memoryBackend(spec, start, host)],
    ['-nodefaults', '-no-user-config', '-no-reboot'],
    ['-display', 'none'],
    ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ['-qmp', `unix:${escape(paths.control)},server=on,wait=off`],
    start.kind === 'boot'
      ? ['-kernel', start.kernel, '-initrd', start.initramfs, '-append', kernelCommandLine(host)]
      : // Stopped once it is loaded: before the guest runs, files that were lent to the process are taken back.
        ['-incoming', start.waits ? 'defer' : `fd:${STATE_FD}`, '-S'],
    // The serial port writes to standard output: kept in memory while a template boots, nowhere afterwards.
    ['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ['-device', 'virtio-serial-device'],
    ['-chardev', `socket,id=agent,path=${escape(paths.agent)},server=on,wait=off`],
    ['-device', 'virtserialport,chardev=agent,name=agent'],
    ...diskArguments(spec, { firstLayerFd: SAVE_FD + 1 }),
    // A write that the host cannot do (its disk is full) stops the VM and is repeated on resume. Reported to the guest
    // instead, it would be lost data: ext4 learns of it after write() has long returned.
    ['-device', 'virtio-blk-device,drive=disk,werror=stop,rerror=report'],
    ['-netdev', netdev(spec)],
    ['-device', `virtio-net-device,netdev=net,mac=${GUEST_MAC}`],
    ['-device', 'virtio-rng-device'],
  ].flat()
}

/**
 * The most that translated code may take; only what is used costs. Below what a program needs (an interpreter with some
 * imports: 40–48 MB) the whole buffer is thrown away again and again: the same work then took 1.4 times the processor time.
 */
const TRANSLATION_BUFFER_MB = 64

function memoryBackend(spec: VmSpec & { readonly memoryFile: string }, start: Start, host: HostTraits): string {
  const file = `memory-backend-file,id=ram,size=${spec.memoryMb}M,mem-path=${escape(spec.memoryFile)}`
  if (start.kind === 'boot') return `${file},share=on`
  // Before 8.2 a file opened read-only can only be ROM, so there the hypervisor process holds a writable descriptor of
  // a file it maps privately: a guest that took over its QEMU could change the template for its siblings.
  return `${file},share=off${host.readOnlyMemoryFile ? ',readonly=on,rom=off' : ''}`
}

/**
 * Without a network the card stays, on a hub with nothing else on it. vnet_hdr is off so that a snapshot made with
 * either end loads with the other; with it on, device state says so and loads nowhere else.
 */
function netdev(spec: VmSpec): string {
  if (!spec.network) return 'hubport,id=net,hubid=0'
  return `tap,id=net,ifname=${escape(spec.network.tap)},script=no,downscript=no,vnet_hdr=off`
}

function kernelCommandLine(host: HostTraits): string {
  // reboot=t: a guest that reboots or panics would jump to a firmware that is not there and hang; a triple fault ends the VM.
  const always = 'console=ttyS0 quiet loglevel=3 panic=-1 reboot=t random.trust_cpu=on no_timer_check ipv6.disable=1 8250.nr_uarts=1'
  if (host.accelerator === 'kvm') return always
  // Emulation passes the host's time stamp counter through. A guest that has to measure it fails now and then on a busy
  // host and hangs for ever. Mitigations protect nothing in emulation; under KVM they stay on. Translated code is found by
  // its virtual address: with addresses that change at every start of a program, the loader and the C library would be
  // translated anew each time, which doubles the time of a short command. Inside, kernel.randomize_va_space turns it on.
  return `${always} tsc=reliable tsc_early_khz=${host.tscKhz} mitigations=off norandmaps`
}

/** In QEMU's option syntax a comma ends a value, and two stand for one. */
function escape(value: string): string {
  return value.replaceAll(',', ',,')
}
