// The client through a machine's life: renewed, asked, made quiet, thawed, closed. The guest here does as each test scripts it.

import { duplexPair, type Duplex } from 'node:stream'
import { encodeMessage, FrameReader } from '@nullspace/guest-protocol/frame.ts'
import * as message from '@nullspace/guest-protocol/messages.ts'
import { until } from '@nullspace/vmm/exam/until.ts'
import { createFakeGuest, FRESH_GUEST } from '@nullspace/vmm/fake/fake-guest.ts'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { DeadlineError, Op } from '../../observe/op.ts'
import { GuestClient } from './client.ts'
import { ChannelLost, type ExecOutcome, type Renewal } from './guest.ts'

type Send = (stream: number, kind: number, payload: Uint8Array) => void
type Script = (send: Send, got: { stream: number; kind: number; payload: Uint8Array }) => void

/** Welcomes whoever comes, unless `welcome` is false, and leaves the rest to the script. */
function scripted(script: Script, { welcome = true, error = '' } = {}) {
  const hellos: message.HelloMessage[] = []
  const heard: number[] = []
  const sockets: Duplex[] = []
  let say: Send = () => {}
  const connect = async (): Promise<Duplex> => {
    const [ours, theirs] = duplexPair()
    const reader = new FrameReader()
    sockets.push(ours)
    theirs.on('error', () => {})
    theirs.on('data', (chunk: Buffer) => {
      for (const { session, stream, kind, payload } of reader.push(chunk)) {
        say = (to, answer, bytes) => {
          for (const frame of encodeMessage(session, to, answer, bytes)) theirs.write(frame)
        }
        if (kind !== message.Hello.kind) {
          heard.push(kind)
          script(say, { stream, kind, payload })
        } else {
          const { renew } = hellos[hellos.push(message.Hello.decode(payload)) - 1] ?? { renew: null }
          const answer = { generation: 2, renewed: renew !== null && error === '', agentStarts: 1, agentVersion: 'scripted', error }
          if (welcome) say(0, message.Welcome.kind, message.Welcome.encode(answer))
        }
      }
    })
    return ours
  }
  const client = new GuestClient(connect)
  onTestFinished(() => client.close())
  return { client, hellos, heard, sockets, send: ((...what) => say(...what)) satisfies Send as Send }
}

const newOp = (timeoutMs = 5_000): Op => new Op('test', { timeoutMs })
const exec = (client: GuestClient, op = newOp()): Promise<ExecOutcome> => {
  const outcome = client.exec(op, { argv: ['true'], env: {}, cwd: '/', user: '', timeoutMs: 5_000, outputLimit: 0 })
  outcome.catch(() => {})
  return outcome
}
const exited = message.Exit.encode({ exitCode: 0, signal: 0, timedOut: false, droppedStdout: 0n, droppedStderr: 0n })
const exit = (send: Send, stream: number): void => send(stream, message.Exit.kind, exited)
const print = (send: Send, stream: number, text: string): void => send(stream, message.STDOUT, Buffer.from(text))
/** Ends what is started, and answers Quiesce. */
const obliging: Script = (send, { stream, kind }) => {
  if (kind === message.ExecStart.kind) exit(send, stream)
  if (kind === message.Quiesce.kind) send(0, message.Quiesced.kind, new Uint8Array(0))
}
const seed = new Uint8Array(64).fill(7)
const machineId = new Uint8Array(16).fill(9)
const same: Renewal = { kind: 'same', seed }

afterEach(() => void vi.useRealTimers())

describe('a renewal', () => {
  test.each<[Renewal, Partial<message.Identity>]>([
    [
      { kind: 'new', hostname: 'mch-1', machineId, seed, disconnect: false },
      { hostname: 'mch-1', machineId, seed },
    ],
    [
      { kind: 'new', hostname: 'mch-1', machineId, seed, disconnect: true },
      { hostname: 'mch-1', machineId, seed, disconnect: true },
    ],
    [same, { hostname: '', machineId: new Uint8Array(16), seed }],
  ])('%#: is sent in the form of the protocol', async (renewal, identity) => {
    const { client, hellos } = scripted(obliging)
    await client.renew(newOp(), renewal)
    expect(hellos.map(({ renew }) => renew)).toEqual([{ ...identity, nowNs: expect.any(BigInt) }])
  })

  test('that the guest refuses is a failure with its words', async () => {
    const { client } = scripted(obliging, { error: 'hostname: not a host name' })
    await expect(client.renew(newOp(), same)).rejects.toThrow('The guest could not take its identity: hostname: not a host name')
  })

  test('ends what was under way, and serves those who come meanwhile', async () => {
    const { client, sockets } = scripted((send, got) => (got.stream > 1 || sockets.length > 1 ? obliging(send, got) : undefined))
    const before = exec(client)
    await until(
      () => sockets.length,
      (count) => count === 1,
    )
    const renewed = client.renew(newOp(), same)
    const meanwhile = exec(client)
    await expect(before).rejects.toThrow(ChannelLost)
    await renewed
    expect(await meanwhile).toMatchObject({ exitCode: 0 })
    expect(sockets).toHaveLength(2)
  })
})

describe('stat', () => {
  test('is answered with numbers', async () => {
    const answer = {
      cpuTotalTicks: 500n,
      cpuIdleTicks: 400n,
      cpuCount: 2,
      memTotalBytes: 1n << 30n,
      memAvailableBytes: 1n << 29n,
      diskTotalBytes: 1n << 40n,
      diskUsedBytes: 3n,
      netRxBytes: 2n,
      netTxBytes: 1n,
    }
    const { client } = scripted((send, { stream }) => send(stream, message.GuestStatResult.kind, message.GuestStatResult.encode(answer)))
    expect(await client.stat(newOp())).toEqual(Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, Number(value)])))
  })

  test('is made figures that can be shown, whatever the guest says', async () => {
    const most = 2n ** 64n - 1n
    const answer = {
      cpuTotalTicks: 10n,
      cpuIdleTicks: most,
      cpuCount: 2,
      memTotalBytes: 5n,
      memAvailableBytes: most,
      diskTotalBytes: most,
      diskUsedBytes: most,
      netRxBytes: most,
      netTxBytes: 2n ** 53n,
    }
    const { client } = scripted((send, { stream }) => send(stream, message.GuestStatResult.kind, message.GuestStatResult.encode(answer)))
    const stat = await client.stat(newOp())
    const big = Number.MAX_SAFE_INTEGER
    expect(stat).toMatchObject({ cpuIdleTicks: 10, memAvailableBytes: 5, diskTotalBytes: big, diskUsedBytes: big })
    expect([stat.netRxBytes, stat.netTxBytes]).toEqual([big, big])
  })

  test('of an agent of generation 1 is unsupported', async () => {
    const failed = message.Failed.encode({ reason: 'unsupported', message: 'this agent does not know that kind of message' })
    const { client } = scripted((send, { stream }) => send(stream, message.Failed.kind, failed))
    await expect(client.stat(newOp())).rejects.toMatchObject({ name: 'GuestFailure', reason: 'unsupported' })
  })

  test('cut short is a broken agent', async () => {
    const { client } = scripted((send, { stream }) => send(stream, message.GuestStatResult.kind, new Uint8Array(67)))
    await expect(client.stat(newOp())).rejects.toThrow()
  })
})

describe('quiesce', () => {
  test('keeps a command that runs, holds one that comes, and thaw loses nothing of either', async () => {
    const { client, heard, send } = scripted((answer, { stream, kind }) => {
      if (kind === message.ExecStart.kind) print(answer, stream, `${stream} begins, `)
      if (kind === message.Quiesce.kind) answer(0, message.Quiesced.kind, new Uint8Array(0))
    })
    const running = exec(client)
    await until(
      () => heard.length,
      (count) => count === 1,
    )
    await client.quiesce(newOp())
    const waiting = exec(client)
    const abandoned = exec(client, newOp(10))
    await expect(abandoned).rejects.toThrow(DeadlineError)
    expect(heard).toEqual([message.ExecStart.kind, message.Quiesce.kind])
    client.thaw()
    await until(
      () => heard.length,
      (count) => count === 5,
    )
    expect(heard.slice(2)).toEqual([message.Thaw.kind, message.SetClock.kind, message.ExecStart.kind])
    for (const stream of [1, 2]) {
      print(send, stream, 'ends')
      exit(send, stream)
    }
    expect((await running).stdout.toString()).toBe('1 begins, ends')
    expect((await waiting).stdout.toString()).toBe('2 begins, ends')
  })

  test('is not broken by a heartbeat, which goes on after the thaw', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    const { client, heard, hellos } = scripted((send, got) => got.kind !== message.ExecStart.kind && obliging(send, got))
    void exec(client)
    await vi.waitUntil(() => heard.length === 1)
    await client.quiesce(newOp())
    vi.advanceTimersByTime(20_000)
    await client.quiesce(newOp())
    expect(heard).toEqual([message.ExecStart.kind, message.Quiesce.kind])
    client.thaw()
    vi.advanceTimersByTime(4_000)
    await vi.waitUntil(() => heard.includes(message.Ping.kind))
    expect(hellos).toHaveLength(1)
  })

  test('that is not answered in time ends at the deadline, and the guest goes on', async () => {
    let [quiesces, late] = [0, (): void => {}]
    const { client, heard } = scripted((send, got) => {
      if (got.kind !== message.Quiesce.kind) return obliging(send, got)
      const answer = (): void => send(0, message.Quiesced.kind, new Uint8Array(0))
      if (++quiesces === 1) late = answer
      else {
        // The answer to the first comes now; this one's own comes only when the test says.
        late()
        late = answer
      }
    })
    await expect(client.quiesce(newOp(20))).rejects.toThrow(DeadlineError)
    expect(await exec(client)).toMatchObject({ exitCode: 0 })
    expect(heard).toEqual([message.Quiesce.kind, message.Thaw.kind, message.SetClock.kind, message.ExecStart.kind])

    let quiet = false
    const second = client.quiesce(newOp()).then(() => (quiet = true))
    await until(
      () => quiesces,
      (count) => count === 2,
    )
    await new Promise((resolve) => setImmediate(resolve))
    expect(quiet).toBe(false)
    late()
    await second
  })

  test('ends with the channel', async () => {
    const { client, heard } = scripted(() => {})
    const quiet = client.quiesce(newOp())
    quiet.catch(() => {})
    await until(
      () => heard.length,
      (count) => count === 1,
    )
    client.close('gone')
    await expect(quiet).rejects.toThrow('gone')
    client.thaw()
  })
})

describe('close', () => {
  test('loses what is under way for the reason given, and stays closed until a renewal', async () => {
    const { client, heard, sockets } = scripted((send, got) => sockets.length > 1 && obliging(send, got))
    const running = exec(client)
    await until(
      () => heard.length,
      (count) => count === 1,
    )
    client.close('The machine was paused')
    for (const lost of [running, exec(client), client.stat(newOp()), client.quiesce(newOp())])
      await expect(lost).rejects.toThrow(new ChannelLost('The machine was paused'))
    expect(sockets).toHaveLength(1)
    await client.renew(newOp(), same)
    expect(await exec(client)).toMatchObject({ exitCode: 0 })
    expect(sockets).toHaveLength(2)
  })

  test('has a reason of its own, and holds for a client that was never open', async () => {
    const { client, sockets } = scripted(obliging)
    client.close()
    await expect(exec(client)).rejects.toThrow(new ChannelLost('The channel to the machine’s agent was closed'))
    expect(sockets).toHaveLength(0)
  })

  test('ends an opening that is under way, with its socket', async () => {
    const { client, hellos, sockets } = scripted(obliging, { welcome: false })
    const waiting = exec(client)
    await until(
      () => hellos.length,
      (count) => count > 0,
    )
    client.close('The machine was paused')
    await expect(waiting).rejects.toThrow(new ChannelLost('The machine was paused'))
    await until(
      () => sockets.map(({ destroyed }) => destroyed),
      (destroyed) => destroyed.every(Boolean),
    )
  })

  test('holds when the renewal after it fails', async () => {
    const { client, sockets } = scripted(obliging, { error: 'clock: no' })
    client.close('The machine was paused')
    await expect(client.renew(newOp(), same)).rejects.toThrow('clock: no')
    await expect(exec(client)).rejects.toThrow('The machine was paused')
    expect(sockets).toHaveLength(1)
  })
})

test('the guest of the fake driver keeps its name, prints across a thaw and says what it has used', async () => {
  const guest = createFakeGuest({ ...FRESH_GUEST, hostname: 'kept' })
  const client = new GuestClient(async () => {
    const [ours, theirs] = duplexPair()
    guest.attach(theirs, async () => {})
    return ours
  })
  onTestFinished(() => client.close())
  await client.renew(newOp(), same)
  expect(guest.state()).toMatchObject({ hostname: 'kept', machineId: '0'.repeat(32) })
  await client.quiesce(newOp())
  expect(guest.quiesced).toBe(true)
  const waiting = exec(client)
  client.thaw()
  expect(await waiting).toMatchObject({ exitCode: 0 })
  expect(guest.quiesced).toBe(false)
  expect(await client.stat(newOp())).toMatchObject({ cpuCount: 1, netRxBytes: 0 })
  await client.renew(newOp(), { kind: 'new', hostname: 'other', machineId, seed, disconnect: true })
  expect(guest.state()).toMatchObject({ hostname: 'other', machineId: '09'.repeat(16) })
})

test('a channel that broke is opened again by whoever asks next', async () => {
  const { client, sockets } = scripted(obliging)
  await exec(client)
  sockets[0]?.destroy()
  await until(
    () => exec(client),
    ({ exitCode }) => exitCode === 0,
  )
  expect(sockets).toHaveLength(2)
})
