// The guest in a fake VM: speaks the real protocol over a stream, and does nothing on the host.

import type { Duplex } from 'node:stream'
import { encodeMessage, FLAG_MORE, FrameReader, type Frame } from '@nullspace/guest-protocol/frame.ts'
import { GENERATION } from '@nullspace/guest-protocol/generation.ts'
import * as message from '@nullspace/guest-protocol/messages.ts'
import { startExec, type ExecStream } from './fake-exec.ts'
import { FakeTree, FRESH_FILES, type Saved } from './fake-files-tree.ts'
import { KeptProcesses } from './fake-kept.ts'

/** What a snapshot carries from one guest to the next. */
export interface GuestState {
  readonly hostname: string
  readonly machineId: string
  readonly agentStarts: number
  readonly files: Saved
  /** In no file: what only memory holds. The program `counter` adds one and prints it. */
  readonly counter: number
}

export interface FakeGuest {
  /** `greet` runs before a Hello is answered; what it throws becomes the Welcome's error. */
  attach(channel: Duplex, greet: () => Promise<void>): void
  /** vCPUs stop: what arrives waits, nothing is sent. */
  freeze(): void
  thaw(): void
  readonly quiesced: boolean
  /** Commands that run now; helpers of the host are none. */
  readonly commands: number
  state(): GuestState
  /** The agent dies and is started again: sessions, streams and processes are lost. */
  restartAgent(): void
  powerOff(): void
}

export const FRESH_GUEST: GuestState = { hostname: 'template', machineId: '0'.repeat(32), agentStarts: 1, files: FRESH_FILES, counter: 0 }

export function createFakeGuest(initial: GuestState): FakeGuest {
  let { hostname, machineId, agentStarts, counter } = initial
  const files = new FakeTree(initial.files)
  const setIdentity = (): void => {
    files.set('/etc/machine-id', `${machineId}\n`)
    files.set('/etc/hostname', `${hostname}\n`)
  }
  setIdentity()

  let channel: Duplex | null = null
  let session: bigint | null = null
  let welcome: Promise<Uint8Array> | null = null
  let streams = new Map<number, ExecStream>()
  const processes = new Set<ExecStream>()
  /** End with their stream. */
  const guided = new Set<ExecStream>()
  const kept = new KeptProcesses()
  let frozen = false
  let quiesced = false
  let arrived: (() => void)[] = []
  let unsent: Uint8Array[] = []
  let lastPid = 200

  const send = (key: bigint, stream: number, kind: number, payload: Uint8Array): void => {
    if (key !== session) return
    for (const frame of encodeMessage(key, stream, kind, payload)) {
      if (frozen || quiesced) unsent.push(frame)
      else channel?.write(frame)
    }
  }
  const flush = (): void => {
    for (const frame of unsent.splice(0)) channel?.write(frame)
  }
  const hello = (key: bigint, payload: Uint8Array, greet: () => Promise<void>): void => {
    quiesced = false
    if (key !== session) {
      session = key
      for (const process of guided) process.signal(9)
      streams = new Map()
      kept.forget()
      unsent = []
      welcome = answerHello(message.Hello.decode(payload), greet)
    }
    welcome?.then((answer) => send(key, 0, message.Welcome.kind, answer))
  }
  const answerHello = async (
    { renew, minGeneration, maxGeneration }: message.HelloMessage,
    greet: () => Promise<void>,
  ): Promise<Uint8Array> => {
    let error = minGeneration > GENERATION ? `host speaks generations ${minGeneration} to ${maxGeneration}, this agent ${GENERATION}` : ''
    await greet().catch((cause: unknown) => (error = cause instanceof Error ? cause.message : String(cause)))
    if (renew && !error && renew.hostname !== '') {
      hostname = renew.hostname
      machineId = Buffer.from(renew.machineId).toString('hex')
      setIdentity()
    }
    return message.Welcome.encode({ generation: GENERATION, renewed: renew !== null && !error, agentStarts, agentVersion: 'fake', error })
  }
  const exec = (key: bigint, stream: number, payload: Uint8Array): void => {
    const guest = { hostname, files, nextPid: () => ++lastPid, count: () => ++counter }
    const start = message.ExecStart.decode(payload)
    const answer = (kind: number, bytes: Uint8Array): void => send(key, stream, kind, bytes)
    const keeping = start.kept && kept.begin(start, stream, answer)
    const started = startExec(
      guest,
      keeping ? { ...start, window: Number.MAX_SAFE_INTEGER } : start,
      keeping ? keeping.say : answer,
      () => {
        if (key === session) streams.delete(stream)
        if (!started) return
        processes.delete(started)
        guided.delete(started)
      },
    )
    if (!started) return
    if (keeping) keeping.started(started)
    else streams.set(stream, started)
    if (start.guided) guided.add(started)
    processes.add(started)
  }
  const receive = ({ session: key, stream, kind, payload }: Frame, greet: () => Promise<void>): void => {
    if (kind === message.Hello.kind) return hello(key, payload, greet)
    if (key !== session) return
    const running = streams.get(stream) ?? kept.of(stream)
    const answer = (of: number, bytes: Uint8Array): void => send(key, stream, of, bytes)
    switch (kind) {
      case message.Ping.kind:
        return send(key, stream, message.Pong.kind, message.Pong.encode(null))
      case message.Quiesce.kind:
        send(key, stream, message.Quiesced.kind, message.Quiesced.encode(null))
        quiesced = true
        return
      case message.Thaw.kind:
        quiesced = false
        return flush()
      case message.SetClock.kind:
        // The fake guest has the clock of its host.
        return
      case message.ExecStart.kind:
        return exec(key, stream, payload)
      case message.STDIN:
        running?.input(payload)
        if (kept.of(stream)) answer(message.InputGranted.kind, message.InputGranted.encode({ bytes: payload.length }))
        return
      case message.StdinClose.kind:
        return running?.input(null)
      case message.Signal.kind:
        return running?.signal(message.Signal.decode(payload).signal)
      case message.Window.kind:
        return running?.window(message.Window.decode(payload).bytes)
      case message.Processes.kind:
        return answer(message.ProcessList.kind, kept.list())
      case message.Attach.kind:
        return kept.attach(payload, stream, answer)
      case message.Detach.kind:
        if (running && guided.has(running)) running.signal(9)
        return kept.detach(stream)
      case message.Resize.kind:
        return kept.resize(stream, message.Resize.decode(payload))
      case message.GrowDisk.kind:
        return send(key, stream, message.Done.kind, message.Done.encode(null))
      case message.GuestStat.kind:
        return send(key, stream, message.GuestStatResult.kind, message.GuestStatResult.encode(statOf(files)))
      default:
        return send(key, stream, message.Failed.kind, message.Failed.encode({ reason: 'unsupported', message: `unknown kind ${kind}` }))
    }
  }
  const endProcesses = (): void => {
    session = null
    streams = new Map()
    for (const process of processes) process.signal(9)
    kept.clear()
  }

  return {
    attach(next, greet) {
      channel?.destroy()
      channel = next
      const frames = new FrameReader()
      const whole = joinParts()
      next.on('error', () => {})
      next.on('data', (chunk: Buffer) => {
        for (const frame of frames.push(chunk)) {
          const joined = whole(frame)
          if (!joined) continue
          if (frozen) arrived.push(() => receive(joined, greet))
          else receive(joined, greet)
        }
      })
    },
    freeze() {
      frozen = true
    },
    thaw() {
      frozen = false
      if (!quiesced) flush()
      for (const action of arrived.splice(0)) action()
    },
    get commands() {
      return [...streams.values()].filter((process) => !guided.has(process)).length
    },
    get quiesced() {
      return quiesced
    },
    state: () => ({ hostname, machineId, agentStarts, files: files.save(), counter }),
    restartAgent() {
      endProcesses()
      agentStarts++
    },
    powerOff() {
      endProcesses()
      arrived = []
      channel?.destroy()
    },
  }
}

/** An idle machine of one CPU; its disk holds its files. */
function statOf(files: FakeTree): message.GuestStatMessage {
  return {
    cpuTotalTicks: 1_000n,
    cpuIdleTicks: 900n,
    cpuCount: 1,
    memTotalBytes: 256n << 20n,
    memAvailableBytes: 128n << 20n,
    diskTotalBytes: 4n << 30n,
    diskUsedBytes: BigInt(files.used),
    netRxBytes: 0n,
    netTxBytes: 0n,
  }
}

/** Collects the payloads of a message in several frames. */
function joinParts(): (frame: Frame) => Frame | null {
  const parts = new Map<string, Uint8Array[]>()
  return (frame) => {
    const key = `${frame.stream}/${frame.kind}`
    const collected = parts.get(key) ?? []
    collected.push(frame.payload)
    if (frame.flags & FLAG_MORE) {
      parts.set(key, collected)
      return null
    }
    parts.delete(key)
    return collected.length === 1 ? frame : { ...frame, payload: Buffer.concat(collected) }
  }
}
