// The border between the daemon and a hypervisor. A driver knows files, sockets and processes of one VM; it knows no
// templates, owners or networks beyond the namespace and tap it is told to use.

import type { Duplex } from 'node:stream'
import type { Op } from './op.ts'

export interface NewLayer {
  readonly base: string
  readonly baseFormat: 'raw' | 'layer'
  /** Must not exist. */
  readonly to: string
  /** A layer whose length it gets, for when `base` is not there yet under its final name. */
  readonly sizeFrom?: string
}

export interface DriverFeatures {
  readonly accelerator: 'kvm' | 'tcg' | 'none'
  /** Whether capture() works on a running machine that maps its memory from a snapshot. */
  readonly liveSnapshot: boolean
}

export interface DriverInfo {
  readonly name: string
  /** Of the hypervisor, e.g. `7.2.22`. */
  readonly version: string
  readonly features: DriverFeatures
  /** Why this accelerator was chosen, one sentence for `doctor`. */
  readonly acceleratorReason: string
  /** How a VM's memory and processes are bounded on this host, or why they are not; one sentence for `doctor`. */
  readonly boundsReason: string
  /** What a snapshot must have been made with to be restored here; compared as a whole. */
  readonly compatibility: { readonly accelerator: string; readonly cpuModel: string; readonly version: string; readonly machine: string }
}

export interface DiskLayer {
  readonly file: string
  readonly format: 'raw' | 'layer'
}

export interface VmSpec {
  /** Unique among the VMs of this host; names sockets, cgroup and log lines. */
  readonly id: string
  /** Private directory of this VM, created by the driver: sockets, console log. Sockets in it stay under 108 bytes. */
  readonly dir: string
  /** The unprivileged identity the hypervisor process runs as; no other VM has this uid. Ignored when not root. */
  readonly uid: number
  /** Shared by all VMs; gives access to template files. */
  readonly gid: number
  readonly vcpus: number
  readonly memoryMb: number
  /** qcow2 file with the root disk on top; the only layer that this VM writes. */
  readonly disk: string
  /** What lies below `disk`, nearest first. What the files' own headers say of it does not count: a layer has several names. */
  readonly backing: readonly DiskLayer[]
  /** Network namespace and the tap in it; null = no network card's other end (the card is always there). */
  readonly network: { readonly netns: string; readonly tap: string } | null
}

export interface BootSpec extends VmSpec {
  readonly kernel: string
  readonly initramfs: string
  /** File that is the guest's RAM (sparse, `memoryMb` long); shared, so that it becomes the snapshot's memory file. */
  readonly memoryFile: string
}

export interface RestoreSpec extends VmSpec {
  /** Mapped copy-on-write: never changed by this VM. */
  readonly memoryFile: string
  readonly stateFile: string
  /**
   * `shared`: a template's, which any VM may open. `private`: a user's memory; it belongs to root and nobody else may open
   * it, except this VM for the moment it is started.
   */
  readonly memoryAccess: 'shared' | 'private'
  /**
   * Pages of another memory file to be laid over `memoryFile` before the VM runs: those that its file of checksums names,
   * each checked. They become the VM's own. Where few pages differ from a file that many VMs have in use, that is quicker
   * and takes less memory than mapping a file of its own.
   */
  readonly overlay?: { readonly memoryFile: string; readonly sumsFile: string }
}

export interface CaptureSpec {
  /**
   * An independent copy (reflink) of the file that the VM maps its memory from, made by the caller beforehand. The pages
   * that the VM changed since its restore are written over it.
   */
  readonly memoryFile: string
  /** Both must not exist. `sumsFile` has a checksum for each run of pages written, see memory-sums.ts. */
  readonly stateFile: string
  readonly sumsFile: string
  /** Called right before the vCPUs are stopped, when everything that can be done while they run is done. */
  readonly beforeStop?: (op: Op) => Promise<void>
  /** Called while the vCPUs stand still and the disk is flushed and consistent, to take a copy of it. Adds to the stop. */
  readonly whileStopped: (op: Op) => Promise<void>
  /** `stay`: the VM stands still after it until resume() or kill(). */
  readonly afterwards: 'run' | 'stay'
}

export interface Captured {
  /** Bytes of memory that were written, i.e. that the VM did not share with the file it was restored from. */
  readonly ownBytes: number
  /** How long the vCPUs stood still, ms; up to the end of the capture when they stay. */
  readonly stoppedMs: number
}

/** Plain JSON, kept in the store: enough to find the VM again after the daemon died. */
export interface VmHandle {
  readonly driver: string
  readonly id: string
  readonly dir: string
  readonly pid: number
  /** Start time of the process in clock ticks since boot (field 22 of /proc/PID/stat): a pid alone may be another's. */
  readonly startTime: string
  /** Of the host: after a reboot the same pid may carry the same start time. */
  readonly bootId: string
  /** What capture() has to know, of a VM that was restored; missing in handles of earlier releases. */
  readonly restored?: RestoredFrom
}

export interface RestoredFrom {
  readonly vcpus: number
  /** Of the hypervisor that runs it, which may have been upgraded on the host since. */
  readonly compatibility: DriverInfo['compatibility']
  readonly disk: string
  /** How many lie below the disk. */
  readonly layers: number
  /** The file that memory is mapped from. By then it may have no name any more, so it is known by where it is on disk. */
  readonly memory: { readonly dev: string; readonly ino: string; readonly bytes: number }
}

export interface VmExit {
  /** One sentence: exit code or signal, with the last words of the hypervisor's log. */
  readonly reason: string
}

export interface Vm {
  readonly handle: VmHandle
  /** Opens the agent channel. One connection at a time: a second closes the first. */
  connect(op: Op): Promise<Duplex>
  /** Stops the vCPUs; the process stays. */
  pause(op: Op): Promise<void>
  resume(op: Op): Promise<void>
  /** Makes the disk `bytes` long for the guest; never shrinks. */
  resizeDisk(op: Op, bytes: number): Promise<void>
  /**
   * Ends a cold-booted VM so that its memory file and disk, with `stateFile` written here, form a golden snapshot.
   * The guest must be quiet: synced, its agent quiesced.
   */
  seal(op: Op, stateFile: string): Promise<void>
  /**
   * Copies a restored VM's memory and device state while it is stopped. It costs by the pages that the VM changed, not by
   * its size, and happens off the event loop. Whatever fails, the VM runs again afterwards and the caller removes the
   * files; nothing is synced to disk here. A VM that was cold-booted, or stands still for want of disk, is refused.
   */
  capture(op: Op, spec: CaptureSpec): Promise<Captured>
  /** Resolves when the VM is gone, by itself or by kill(). Never rejects. */
  readonly exited: Promise<VmExit>
  /** Last lines of the hypervisor's log and, of a cold boot, of the guest's console: for a VM that does not do as it should. */
  diagnosis(): string
  /** Ends the VM and removes what the driver made for it (process, cgroup, `dir`). Harmless on a VM that is gone. */
  kill(op: Op): Promise<void>
  /**
   * Not null: the host could not write what the guest wrote, so the vCPUs were stopped and nothing is lost.
   * resume() repeats the write.
   */
  readonly held: Held | null
  /** What the host sees of it; null once it is gone. Walks the process's memory: milliseconds, not for a hot path. */
  usage(): Promise<VmUsage | null>
}

export type Held = 'disk_full' | 'disk_error'

export interface VmUsage {
  readonly cpuSeconds: number
  /** Proportional set size of the hypervisor process, bytes. */
  readonly memoryBytes: number
}

export interface Driver {
  info(): Promise<DriverInfo>
  /** Makes a disk file that begins as a view of `base` and keeps what is written to it. For templates: machines clone one. */
  createLayer(op: Op, layer: NewLayer): Promise<void>
  /** Cold boot; resolves when the VM runs (the agent may not answer yet). */
  boot(op: Op, spec: BootSpec): Promise<Vm>
  /** Restore from a golden snapshot; resolves when the VM runs. Rejects, leaving nothing behind, on bad files. */
  restore(op: Op, spec: RestoreSpec): Promise<Vm>
  /** Takes over a VM that an earlier daemon started; null when it is not running any more. */
  adopt(op: Op, handle: VmHandle): Promise<Vm | null>
  /** Removes whatever a VM of this handle or directory may have left (process, cgroup, directory). Harmless twice. */
  sweep(op: Op, leftover: { id: string; dir: string }): Promise<void>
  /** Ids of VMs of this driver whose process runs now and whose directory lies below `root`; for finding orphans. */
  list(root: string): Promise<string[]>
  close(): Promise<void>
}
