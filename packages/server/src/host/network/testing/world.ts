// A world of its own for tests of the real network: an internet in a namespace, and stand-in guests whose packets take
// the same way as a machine's, through the slot's tap. Every address a test speaks to is answered by one of these.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'
import { GUEST, namesOf } from '../addresses.ts'
import type { Slot } from '../network.ts'
import { run } from '../run.ts'
import { interfaceNames, listParts } from '../slot.ts'
import { Op } from '../../../observe/op.ts'

export const newOp = (timeoutMs = 20_000): Op => new Op('test', { timeoutMs })

export interface Question {
  /**
   * `open` keeps a connection to an echo, `say` says something more on it, and `tell` says something on the last one that
   * came from outside, without waiting for an answer.
   */
  readonly do: 'tcp' | 'udp' | 'dns' | 'open' | 'say' | 'tell' | 'seen'
  readonly host?: string
  readonly port?: number
  readonly timeout?: number
  readonly bind?: string
  /** What a datagram says; `hello` without. */
  readonly text?: string
  readonly over?: 'udp' | 'tcp'
}
/** `got` holds the answer; `failed` says how it failed (`timeout` or the error of the socket). */
export interface Answer {
  readonly got?: string & string[]
  readonly failed?: string
}

export interface Peer {
  ask(question: Question): Promise<Answer>
}

export interface Internet extends Peer {
  readonly netns: string
  readonly address: string
  /** The host's address on the link to it. */
  readonly hostAddress: string
  /** Addresses that no guest may reach; the host reaches them, and they answer. */
  readonly forbidden: readonly string[]
  /** A resolver with a private address. */
  readonly resolver: string
}

export interface World extends AsyncDisposable {
  readonly instance: string
  readonly stateDir: string
  readonly internet: Internet
  guest(slot: Slot): Promise<Peer>
  /** The guest goes on in another slot, with the connections it has in memory, as the copy of a machine does. */
  carry(guest: Peer, slot: Slot): Promise<void>
  /** A program inside an existing namespace. */
  peerIn(netns: string): Promise<Peer>
}

/** Begins with a letter, so that no number in a listing looks like it. */
export const randomInstance = (): string => randomInt(0xa000, 0x10000).toString(16)

/** Routed into the world as well, but worlds beside each other share it, so it may be another's that answers. */
export const METADATA = '169.254.169.254'

const PYTHON = ['/usr/bin/python3', '/usr/local/bin/python3'].find((path) => existsSync(path)) ?? 'python3'
const SCRIPT = join(import.meta.dirname, 'net.py')

export async function createWorld(): Promise<World> {
  const instance = randomInstance()
  const stack = new AsyncDisposableStack()
  const stateDir = await mkdtemp(join(tmpdir(), 'nullspace-network-'))
  stack.defer(() => rm(stateDir, { recursive: true, force: true }))
  let guests = 0
  const cables = new Map<Peer, { readonly netns: string; cable: AsyncDisposable }>()
  const internet = await createInternet(instance, stack).catch(async (error: unknown) => {
    await stack.disposeAsync()
    throw error
  })
  return {
    instance,
    stateDir,
    internet,
    async guest(slot) {
      const netns = `ntg${instance}-${guests++}`
      await ip(['netns', 'add', netns])
      stack.defer(() => ip(['netns', 'del', netns]))
      const cable = stack.use(await plugIn(slot, netns))
      const guest = stack.use(await python(['peer', 'tcp:80', 'udp:7', 'echo:9'], netns))
      cables.set(guest, { netns, cable })
      return guest
    },
    async carry(guest, slot) {
      const held = cables.get(guest)
      if (!held) throw new Error('no guest of this world')
      await held.cable[Symbol.asyncDispose]()
      held.cable = stack.use(await plugIn(slot, held.netns))
    },
    peerIn: async (netns) => stack.use(await python(['peer'], netns)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** No namespace, interface, table or route that carries the instance. */
export async function expectNothingLeft(instance: string): Promise<void> {
  const names = namesOf(instance)
  expect(await listParts(names)).toEqual({ netns: new Set(), veths: new Set() })
  expect((await interfaceNames()).filter((name) => name.includes(instance))).toEqual([])
  for (const args of [['netns'], ['route', 'show', 'table', 'all']]) expect(await run(newOp(), 'ip', args)).not.toContain(instance)
  expect(await run(newOp(), 'nft', ['list', 'tables'])).not.toContain(names.table)
}

async function plugIn(slot: Slot, netns: string): Promise<AsyncDisposable> {
  if (!slot.link) throw new Error('the slot has no network')
  const cable = await python(['bridge', slot.link.netns, slot.link.tap, String(slot.uid), netns])
  await ip(
    ['-n', netns, '-batch', '-'],
    [
      'link set lo up',
      `link set g0 address ${GUEST.mac}`,
      `addr add ${GUEST.address}/${GUEST.gatewayPrefix} dev g0`,
      'link set g0 up',
      `route add default via ${GUEST.gateway}`,
    ],
  )
  return cable
}

async function createInternet(instance: string, stack: AsyncDisposableStack): Promise<Internet> {
  // A /29 and a third octet of its own let several worlds stand beside each other on one host.
  const n = Number.parseInt(instance, 16)
  const third = n % 251
  const routes = await run(newOp(), 'ip', ['-4', 'route'])
  const base = Array.from({ length: 31 }, (_, step) => ((n + step) % 31) * 8).find((one) => !routes.includes(`198.51.100.${one}/29`))
  if (base === undefined) throw new Error('every test network is taken')
  const [hostAddress, address] = [`198.51.100.${base + 1}`, `198.51.100.${base + 2}`]
  const [netns, veth] = [`nti${instance}`, `nt${instance}`]
  const resolver = `10.77.${third}.53`
  const forbidden = [
    `10.77.${third}.1`,
    `172.31.${third}.1`,
    `192.168.${third}.77`,
    `169.254.${third}.254`,
    `198.19.${third}.9`,
    `100.127.255.${third}`,
  ]
  await ip(['netns', 'add', netns])
  stack.defer(() => ip(['netns', 'del', netns]))
  await ip(['link', 'add', veth, 'type', 'veth', 'peer', 'name', 'i0', 'netns', netns])
  stack.defer(() => ip(['link', 'del', veth]))
  await ip(
    ['-n', netns, '-batch', '-'],
    [
      'link set lo up',
      `addr add ${address}/29 dev i0`,
      ...[...forbidden, resolver, METADATA].map((one) => `addr add ${one}/32 dev lo`),
      'link set i0 up',
      `route add default via ${hostAddress}`,
    ],
  )
  await ip(
    ['-batch', '-'],
    [
      `addr add ${hostAddress}/29 dev ${veth}`,
      `link set ${veth} up`,
      ...[...forbidden, resolver, METADATA].map((one) => `route add ${one}/32 via ${address} dev ${veth} metric ${n + 1}`),
    ],
  )
  const peer = stack.use(await python(['peer', 'tcp:80', 'udp:7', 'dns:53', 'echo:9'], netns))
  return { ask: peer.ask, netns, address, hostAddress, forbidden, resolver }
}

async function ip(args: string[], lines: string[] = []): Promise<void> {
  await run(newOp(), 'ip', args, { input: lines.map((line) => `${line}\n`).join('') })
}

async function python(args: string[], netns?: string): Promise<Peer & AsyncDisposable> {
  const [program = '', ...rest] = [...(netns === undefined ? [] : ['ip', 'netns', 'exec', netns]), PYTHON, SCRIPT, ...args]
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = new Map<number | 'ready', (answer: Answer) => void>()
  const wait = (key: number | 'ready') => newOp().race(new Promise<Answer>((resolve) => void waiting.set(key, resolve)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as Answer & { id?: number }
    waiting.get(answer.id ?? 'ready')?.(answer)
  })
  let last = 0
  await wait('ready')
  return {
    ask(question) {
      const id = ++last
      const { do: what } = question
      const port = { tcp: 80, udp: 7, dns: 53, open: 9, say: null, tell: null, seen: null }[what]
      const defaults = port === null ? {} : { port, timeout: 3 }
      child.stdin.write(`${JSON.stringify({ ...defaults, ...question, id })}\n`)
      return wait(id)
    },
    [Symbol.asyncDispose]: () => end(child),
  }
}

async function end(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve))
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await newOp().race(exited)
}
