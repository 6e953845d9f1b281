// What the frames say. Every message is one codec value: kind number, direction, fields in order.
// A new message or field raises the generation (generation.ts); the agent in a running VM is never upgraded under it.

import type { Reader, Writer } from './bytes.ts'
import { codec, empty } from './codec.ts'

/** A fresh identity, confirmed by the guest before the machine is handed out. */
export interface Identity {
  /** Wall clock, ns since the epoch. */
  readonly nowNs: bigint
  /** 16 bytes; becomes /etc/machine-id in hex. */
  readonly machineId: Uint8Array
  /** 64 bytes of host entropy, credited to the guest kernel's generator. */
  readonly seed: Uint8Array
  /** Empty = the same machine goes on: it keeps its names, ids and connections. An agent of generation 1 refuses that. */
  readonly hostname: string
  /** Ends TCP connections with others than itself. On the wire only when true; an agent of generation 1 does not see it. */
  readonly disconnect?: boolean
}

export interface HelloMessage {
  readonly minGeneration: number
  readonly maxGeneration: number
  readonly renew: Identity | null
}

export interface WelcomeMessage {
  readonly generation: number
  /** True when an identity was asked for and is in force. */
  readonly renewed: boolean
  /** Times the agent process was started since the guest booted; over 1 means it died and lost its processes. */
  readonly agentStarts: number
  readonly agentVersion: string
  /** What went wrong with the renewal; empty when nothing did. */
  readonly error: string
}

export interface ExecStartMessage {
  /** 0 = no deadline. On expiry the agent sends SIGTERM to the group, then SIGKILL after `graceMs`. */
  readonly timeoutMs: number
  readonly graceMs: number
  /** Output bytes the agent may send before it needs a WINDOW message; stdout and stderr together. */
  readonly window: number
  /** Bytes kept per stream; what is printed past it is read, counted and dropped. 0 = no limit. */
  readonly outputLimit: number
  /** False: standard input is /dev/null. */
  readonly stdin: boolean
  readonly cwd: string
  /** Empty = root. */
  readonly user: string
  readonly argv: readonly string[]
  /** `K=V`, laid over the agent's default environment. */
  readonly env: readonly string[]
  /** From generation 3 on: its input is granted piece by piece, as that of a kept process; it ends with its stream. */
  readonly guided?: true
  /** From generation 3 on: it can be asked for by its pid, and what it printed is kept as far as the agent's bounds go. */
  readonly kept?: {
    /** Null: pipes. */
    readonly terminal: TerminalSize | null
    /** The host's names for it, told again by ProcessList. */
    readonly id: string
    readonly label: string
  }
}

/** In characters. */
export interface TerminalSize {
  readonly cols: number
  readonly rows: number
}

/** What a stream wants of a kept process: its end; its output from the beginning, and its end; what it printed so far. */
export const ATTACH_MODES = ['wait', 'follow', 'logs'] as const
export type AttachMode = (typeof ATTACH_MODES)[number]

export interface AttachMessage {
  readonly pid: number
  readonly mode: AttachMode
  /** As of ExecStart. */
  readonly window: number
}

export interface ProcessEntry {
  readonly pid: number
  readonly running: boolean
  readonly terminal: TerminalSize | null
  /** 0 while it runs. */
  readonly exitCode: number
  readonly id: string
  readonly label: string
}

/** Since the boot; what the agent could not read is 0. */
export interface GuestStatMessage {
  /** First line of /proc/stat, 1/100 s. */
  readonly cpuTotalTicks: bigint
  /** idle + iowait */
  readonly cpuIdleTicks: bigint
  readonly cpuCount: number
  readonly memTotalBytes: bigint
  readonly memAvailableBytes: bigint
  /** Of the root filesystem. */
  readonly diskTotalBytes: bigint
  readonly diskUsedBytes: bigint
  /** All interfaces but loopback. */
  readonly netRxBytes: bigint
  readonly netTxBytes: bigint
}

export interface ExitMessage {
  /** 128 + signal when a signal ended it. */
  readonly exitCode: number
  /** 0 = none. */
  readonly signal: number
  readonly timedOut: boolean
  readonly droppedStdout: bigint
  readonly droppedStderr: bigint
}

export const FAILURES = [
  'program_not_found',
  'not_executable',
  'bad_cwd',
  'bad_user',
  'no_resources',
  'unsupported',
  'lost',
  'io',
  'no_process',
] as const
export type FailureReason = (typeof FAILURES)[number]

export interface FailedMessage {
  readonly reason: FailureReason
  readonly message: string
}

export const Hello = codec<HelloMessage>(
  0x01,
  (w, m) => {
    w.u16(m.minGeneration)
      .u16(m.maxGeneration)
      .u8(m.renew ? 1 : 0)
    if (m.renew) w.u64(m.renew.nowNs).raw(m.renew.machineId).raw(m.renew.seed).str(m.renew.hostname)
    if (m.renew?.disconnect) w.u8(1)
  },
  (r) => ({
    minGeneration: r.u16(),
    maxGeneration: r.u16(),
    renew:
      r.u8() === 1
        ? {
            nowNs: r.u64(),
            machineId: r.raw(16),
            seed: r.raw(64),
            hostname: r.str(),
            ...(!r.atEnd && r.u8() === 1 && { disconnect: true }),
          }
        : null,
  }),
)
export const Welcome = codec<WelcomeMessage>(
  0x02,
  (w, m) =>
    w
      .u16(m.generation)
      .u8(m.renewed ? 1 : 0)
      .u32(m.agentStarts)
      .str(m.agentVersion)
      .str(m.error),
  (r) => ({ generation: r.u16(), renewed: r.u8() === 1, agentStarts: r.u32(), agentVersion: r.str(), error: r.str() }),
)
export const Ping = empty(0x03)
export const Pong = empty(0x04)
/** The agent answers Quiesced and sends nothing more until Thaw or a new Hello: nothing is half-sent at a snapshot. */
export const Quiesce = empty(0x05)
export const Quiesced = empty(0x06)
export const Thaw = empty(0x07)
/** Sent by an agent process when it starts, under session key 0: what ran under the one before is lost to the host. */
export const Ready = codec<{ readonly agentStarts: number }>(
  0x08,
  (w, m) => w.u32(m.agentStarts),
  (r) => ({ agentStarts: r.u32() }),
)

/** After a stop that nobody was to notice: the wall clock stood still with everything else. */
export const SetClock = codec<{ readonly nowNs: bigint }>(
  0x09,
  (w, m) => w.u64(m.nowNs),
  (r) => ({ nowNs: r.u64() }),
)

function writeTerminal(w: Writer, terminal: TerminalSize | null): void {
  w.u8(terminal ? 1 : 0)
    .u16(terminal?.cols ?? 0)
    .u16(terminal?.rows ?? 0)
}

function readTerminal(r: Reader): TerminalSize | null {
  const has = r.u8() === 1
  const size = { cols: r.u16(), rows: r.u16() }
  return has ? size : null
}

export const ExecStart = codec<ExecStartMessage>(
  0x10,
  (w, m) => {
    w.u32(m.timeoutMs)
      .u32(m.graceMs)
      .u32(m.window)
      .u32(m.outputLimit)
      .u8(m.stdin ? 1 : 0)
      .str(m.cwd)
      .str(m.user)
      .list(m.argv)
      .list(m.env)
    if (m.guided) w.u8(2)
    if (!m.kept) return
    const { terminal, id, label } = m.kept
    w.u8(1)
    writeTerminal(w, terminal)
    w.str(id).str(label)
  },
  (r) => ({
    timeoutMs: r.u32(),
    graceMs: r.u32(),
    window: r.u32(),
    outputLimit: r.u32(),
    stdin: r.u8() === 1,
    cwd: r.str(),
    user: r.str(),
    argv: r.list(),
    env: r.list(),
    ...(!r.atEnd && readKeeping(r)),
  }),
)
function readKeeping(r: Reader): Pick<ExecStartMessage, 'kept' | 'guided'> {
  const how = r.u8()
  if (how === 2) return { guided: true }
  return how === 1 ? { kept: { terminal: readTerminal(r), id: r.str(), label: r.str() } } : {}
}
export const ExecStarted = codec<{ readonly pid: number }>(
  0x11,
  (w, m) => w.u32(m.pid),
  (r) => ({ pid: r.u32() }),
)
/** Payload of Stdout, Stderr and Stdin is the bytes themselves. */
export const STDOUT = 0x12
export const STDERR = 0x13
export const Exit = codec<ExitMessage>(
  0x14,
  (w, m) =>
    w
      .i32(m.exitCode)
      .u8(m.signal)
      .u8(m.timedOut ? 1 : 0)
      .u64(m.droppedStdout)
      .u64(m.droppedStderr),
  (r) => ({ exitCode: r.i32(), signal: r.u8(), timedOut: r.u8() === 1, droppedStdout: r.u64(), droppedStderr: r.u64() }),
)
/** Ends a stream that could not do what was asked. Reasons are numbered from 1 in the order of FAILURES. */
export const Failed = codec<FailedMessage>(
  0x15,
  (w, m) => w.u8(FAILURES.indexOf(m.reason) + 1).str(m.message),
  (r) => ({ reason: FAILURES[r.u8() - 1] ?? 'io', message: r.str() }),
)
export const STDIN = 0x16
export const StdinClose = empty(0x17)
/** To the whole process group. */
export const Signal = codec<{ readonly signal: number }>(
  0x18,
  (w, m) => w.u8(m.signal),
  (r) => ({ signal: r.u8() }),
)
export const Window = codec<{ readonly bytes: number }>(
  0x19,
  (w, m) => w.u32(m.bytes),
  (r) => ({ bytes: r.u32() }),
)

/**
 * Grow the root filesystem to its disk, which the host has enlarged to that many bytes; a guest's kernel takes note of it
 * later, so the agent waits. Answered by Done or Failed on its stream.
 */
export const GrowDisk = codec<{ readonly diskBytes: bigint }>(
  0x20,
  (w, m) => w.u64(m.diskBytes),
  (r) => ({ diskBytes: r.u64() }),
)
export const Done = empty(0x21)

/** From generation 2 on. Answered by GuestStatResult on its stream. */
export const GuestStat = empty(0x22)
export const GuestStatResult = codec<GuestStatMessage>(
  0x23,
  (w, m) =>
    w
      .u64(m.cpuTotalTicks)
      .u64(m.cpuIdleTicks)
      .u32(m.cpuCount)
      .u64(m.memTotalBytes)
      .u64(m.memAvailableBytes)
      .u64(m.diskTotalBytes)
      .u64(m.diskUsedBytes)
      .u64(m.netRxBytes)
      .u64(m.netTxBytes),
  (r) => ({
    cpuTotalTicks: r.u64(),
    cpuIdleTicks: r.u64(),
    cpuCount: r.u32(),
    memTotalBytes: r.u64(),
    memAvailableBytes: r.u64(),
    diskTotalBytes: r.u64(),
    diskUsedBytes: r.u64(),
    netRxBytes: r.u64(),
    netTxBytes: r.u64(),
  }),
)

/** This and the rest from generation 3 on: processes that were started with `kept`. */
export const Processes = empty(0x30)
export const ProcessList = codec<{ readonly processes: readonly ProcessEntry[] }>(
  0x31,
  (w, m) => {
    w.u32(m.processes.length)
    for (const one of m.processes) {
      w.u32(one.pid).u8(one.running ? 1 : 0)
      writeTerminal(w, one.terminal)
      w.i32(one.exitCode).str(one.id).str(one.label)
    }
  },
  (r) => {
    const processes: ProcessEntry[] = []
    for (let left = r.u32(); left > 0; left--) {
      processes.push({
        pid: r.u32(),
        running: r.u8() === 1,
        terminal: readTerminal(r),
        exitCode: r.i32(),
        id: r.str(),
        label: r.str(),
      })
    }
    return { processes }
  },
)
/** Answered by ExecStarted, then what its mode says. */
export const Attach = codec<AttachMessage>(
  0x32,
  (w, m) => w.u32(m.pid).u8(ATTACH_MODES.indexOf(m.mode)).u32(m.window),
  (r) => {
    const pid = r.u32()
    const mode = ATTACH_MODES[r.u8()]
    if (mode === undefined) throw new RangeError('no such mode')
    return { pid, mode, window: r.u32() }
  },
)
/** The stream hears nothing more; the process goes on. */
export const Detach = empty(0x33)
/** Ends an attachment for logs. */
export const Logged = codec<{ readonly running: boolean; readonly exit: ExitMessage }>(
  0x34,
  (w, m) => w.u8(m.running ? 1 : 0).raw(Exit.encode(m.exit)),
  (r) => ({ running: r.u8() === 1, exit: Exit.decode(r.raw(22)) }),
)
export const Resize = codec<TerminalSize>(
  0x35,
  (w, m) => w.u16(m.cols).u16(m.rows),
  (r) => ({ cols: r.u16(), rows: r.u16() }),
)
/** Further bytes of Stdin that the agent takes on this stream of a kept process. */
export const InputGranted = codec<{ readonly bytes: number }>(
  0x36,
  (w, m) => w.u32(m.bytes),
  (r) => ({ bytes: r.u32() }),
)
/** That may be sent before the first grant. */
export const INPUT_CREDIT = 256 * 1024
