// Whether the host can take one more machine. Pure arithmetic; the figures are measured elsewhere.

export interface HostRoom {
  /** Memory that new work may use, MiB. */
  readonly freeMemoryMb: number
  readonly freeDiskMb: number
  readonly totalMemoryMb: number
}

export interface Demand {
  readonly memoryMb: number
}

/** Kept free for the host itself. */
const RESERVE_MEMORY_MB = 512
const RESERVE_DISK_MB = 1024
/**
 * A machine's memory is copy-on-write from its template, so a fresh one costs far less than its size, and many never use
 * half of it. So much is promised to each, besides the fixed cost of an emulator.
 */
const COMMIT_SHARE = 0.5
const EMULATOR_MB = 96
const MIB = 1024 * 1024
/** Blocks of the disk are taken when they are written; what a fresh machine writes at once. */
const FRESH_DISK_MB = 64

/**
 * Null when it fits, else one sentence that says what is short. `others` are the machines that run or are being started:
 * what they have not used yet is promised to them all the same.
 */
export function whyNot(room: HostRoom, demand: Demand, others: readonly Demand[], count = 1): string | null {
  const wanted = count * promised(demand)
  const what = count === 1 ? 'this machine needs' : `these ${count} machines need`
  const unpromised = room.totalMemoryMb - RESERVE_MEMORY_MB - others.reduce((sum, other) => sum + promised(other), 0)
  const memory = Math.min(room.freeMemoryMb - RESERVE_MEMORY_MB, unpromised)
  if (memory < wanted) {
    return `The host has ${atLeastNone(memory)} MiB of memory to give, and ${what} ${wanted} MiB to start.`
  }
  const disk = room.freeDiskMb - RESERVE_DISK_MB
  if (disk < count * FRESH_DISK_MB) {
    return `The host has ${atLeastNone(disk)} MiB of disk to give, and ${what} ${count * FRESH_DISK_MB} MiB to start.`
  }
  return null
}

/** The first machine of a size costs a snapshot of that size: its memory file, and a boot that may touch all of it. */
export function whyNotBuild(room: HostRoom, demand: Demand): string | null {
  if (room.freeMemoryMb - RESERVE_MEMORY_MB < demand.memoryMb + EMULATOR_MB) {
    return `The first machine of this size needs ${demand.memoryMb + EMULATOR_MB} MiB of memory for a moment, and the host has ${atLeastNone(room.freeMemoryMb - RESERVE_MEMORY_MB)} MiB to give.`
  }
  if (room.freeDiskMb - RESERVE_DISK_MB < demand.memoryMb) {
    return `The first machine of this size needs ${demand.memoryMb} MiB of disk, and the host has ${atLeastNone(room.freeDiskMb - RESERVE_DISK_MB)} MiB to give.`
  }
  return null
}

/** What a machine changed in its memory is written out, and that may be all of it. */
export function whyNotSave(room: HostRoom, demand: Demand): string | null {
  const disk = room.freeDiskMb - RESERVE_DISK_MB
  if (disk >= demand.memoryMb) return null
  return `The host has ${atLeastNone(disk)} MiB of disk to give, and saving this machine may take ${demand.memoryMb} MiB.`
}

/** `outstandingBytes`: what uploads may still send. */
export function whyNotStage(room: HostRoom, bytes: number, outstandingBytes: number): string | null {
  const disk = room.freeDiskMb - RESERVE_DISK_MB - outstandingBytes / MIB
  const wanted = bytes / MIB
  if (disk >= wanted) return null
  return `The host has ${atLeastNone(disk)} MiB of disk to give, and this upload may take ${Math.ceil(wanted)} MiB.`
}

function promised({ memoryMb }: Demand): number {
  return Math.ceil(EMULATOR_MB + memoryMb * COMMIT_SHARE)
}

function atLeastNone(mb: number): number {
  return Math.max(0, Math.floor(mb))
}
