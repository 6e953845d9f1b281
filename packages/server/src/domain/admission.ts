// Whether the host can take one more machine. Pure arithmetic; the figures are measured elsewhere.

export interface HostRoom {
  /** Memory that new work may use, MiB. */
  readonly freeMemoryMb: number
  readonly freeDiskMb: number
}

export interface Demand {
  readonly memoryMb: number
  readonly diskMb: number
}

/** Kept free for the host itself. */
const RESERVE_MEMORY_MB = 512
const RESERVE_DISK_MB = 1024
/**
 * A machine's memory is copy-on-write from its template, so a fresh one costs far less than its size. It is admitted
 * while the host could still hold this share of what it may grow to, at least the fixed cost of an emulator.
 */
const COMMIT_SHARE = 0.5
const EMULATOR_MB = 96
/** Blocks of the disk are taken when they are written; what a fresh machine writes at once. */
const FRESH_DISK_MB = 64

/** Null when it fits, else one sentence that says what is short. */
export function whyNot(room: HostRoom, demand: Demand): string | null {
  const memory = Math.ceil(EMULATOR_MB + demand.memoryMb * COMMIT_SHARE)
  if (room.freeMemoryMb - RESERVE_MEMORY_MB < memory) {
    return `The host has ${Math.max(0, Math.floor(room.freeMemoryMb - RESERVE_MEMORY_MB))} MiB of memory to give, and this machine needs ${memory} MiB to start.`
  }
  if (room.freeDiskMb - RESERVE_DISK_MB < FRESH_DISK_MB) {
    return `The host has ${Math.max(0, Math.floor(room.freeDiskMb - RESERVE_DISK_MB))} MiB of disk to give, and a machine needs ${FRESH_DISK_MB} MiB to start.`
  }
  return null
}
