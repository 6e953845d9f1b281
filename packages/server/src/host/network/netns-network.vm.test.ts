// What guests can and cannot reach, on the real kernel. Needs root, ip, nft and Python.

import { createSocket } from 'node:dgram'
import { createServer, connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { until } from '@nullspace/vmm/exam/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { namesOf, UPLINK } from './addresses.ts'
import { createNetnsNetwork, type NetnsNetwork } from './netns-network.ts'
import type { Slot } from './network.ts'
import { run } from './run.ts'
import { createWorld, expectNothingLeft, METADATA, newOp, type Answer, type Peer, type World } from './testing/world.ts'

const log = { info() {}, warn() {} }
const SHORT = 0.3

describe.skipIf(process.geteuid?.() !== 0)('a guest', () => {
  let world: World
  let network: NetnsNetwork
  let slots: { open: Slot; shut: Slot; other: Slot }
  let open: Peer
  let shut: Peer
  let other: Peer
  let hostPort: number
  const closers: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    world = await createWorld()
    network = createNetnsNetwork({
      instance: world.instance,
      uidBase: 700_000,
      spare: 2,
      stateDir: world.stateDir,
      dnsUpstreams: [world.internet.resolver],
      log,
    })
    await network.setUp(newOp())
    await network.refill(newOp())
    slots = {
      open: await network.reserve(newOp(), { internetAccess: true }),
      shut: await network.reserve(newOp(), { internetAccess: false }),
      other: await network.reserve(newOp(), { internetAccess: true }),
    }
    ;[open, shut, other] = await Promise.all([world.guest(slots.open), world.guest(slots.shut), world.guest(slots.other)])
    hostPort = await listenOnHost(closers)
  })

  afterAll(async () => {
    for (const close of closers) await close()
    await network?.tearDown(newOp()).finally(() => world[Symbol.asyncDispose]())
    await expectNothingLeft(world.instance)
  })

  it('with internet access reaches the outside, as the host', async () => {
    const { address: host, hostAddress } = world.internet
    expect(await open.ask({ do: 'tcp', host })).toEqual(got(`${hostAddress} hello`))
    expect(await open.ask({ do: 'udp', host })).toEqual(got(`${hostAddress} hello`))
  })

  it('with internet access looks names up at both resolver addresses, over UDP and TCP', async () => {
    for (const host of ['10.111.0.1', '10.111.0.5']) {
      for (const over of ['udp', 'tcp'] as const) expect(await open.ask({ do: 'dns', host, over })).toEqual(got('203.0.113.80'))
    }
  })

  it('without internet access reaches nothing and is told so at once', async () => {
    const { address: host } = world.internet
    const startedAt = performance.now()
    const answers = await Promise.all([
      shut.ask({ do: 'tcp', host }),
      shut.ask({ do: 'udp', host }),
      shut.ask({ do: 'dns', host: '10.111.0.1' }),
      shut.ask({ do: 'dns', host: '10.111.0.1', over: 'tcp' }),
      shut.ask({ do: 'dns', host: '10.111.0.5' }),
      shut.ask({ do: 'dns', host }),
    ])
    expect(answers).toEqual(answers.map(() => ({ id: expect.any(Number), failed: 'No route to host' })))
    expect(performance.now() - startedAt).toBeLessThan(1500)
  })

  it('is dialled by the host on any port, whatever its policy', async () => {
    for (const { address } of Object.values(slots)) {
      expect(await dialTcp(address ?? '', 80)).toBe('10.111.0.1 hello')
      expect(await dialUdp(address ?? '', 7)).toBe('10.111.0.1 hello')
    }
  })

  it('that goes on in another slot is cut off from what it had open, and the other ends hear nothing of it', async () => {
    const reserve = () => network.reserve(newOp(), { internetAccess: true })
    const [before, after] = [await reserve(), await reserve()]
    const guest = await world.guest(before)
    const { address: host, hostAddress } = world.internet
    expect(await guest.ask({ do: 'open', host })).toEqual(got('hello'))
    const dialled = await dialEcho(before.address ?? '')
    closers.push(dialled.close)
    await guest.ask({ do: 'tell', text: 'to the host' })
    await until(dialled.heard, (text) => text === 'to the host')

    await world.carry(guest, after)
    const sent = await packetsOut(after)
    expect(await guest.ask({ do: 'say', text: 'stray' })).toMatchObject({ failed: 'Connection reset by peer' })
    await guest.ask({ do: 'tell', text: 'stray' })
    await until(
      () => guest.ask({ do: 'seen' }),
      (answer) => sources(answer).includes('10.111.0.1 Connection reset by peer'),
    )
    expect(await packetsOut(after)).toBe(sent)
    expect(await guest.ask({ do: 'open', host, text: 'anew' })).toEqual(got('anew'))
    expect(sources(await world.internet.ask({ do: 'seen' })).filter((one) => /hello|anew|stray|ended|reset/.test(one))).toEqual([
      `${hostAddress} anew`,
      `${hostAddress} hello`,
    ])
    expect([dialled.heard(), dialled.ended()]).toEqual(['to the host', false])
    for (const slot of [before, after]) await network.release(newOp(), slot.index)
  })

  it('reaches no private range, no metadata service and no reserved address, though they would answer', async () => {
    for (const host of [...world.internet.forbidden, world.internet.resolver, METADATA]) {
      if (host !== METADATA) expect(await dialTcp(host, 80)).toMatch(/ hello$/)
      const answers = await Promise.all([open, shut].flatMap((guest) => [guest.ask({ do: 'tcp', host }), guest.ask({ do: 'udp', host })]))
      expect(answers, host).toEqual(answers.map(() => ({ id: expect.any(Number), failed: 'No route to host' })))
    }
    expect(await open.ask({ do: 'dns', host: world.internet.resolver })).toMatchObject({ failed: 'No route to host' })
  })

  it('reaches no address of the host', async () => {
    const { hostAddress } = world.internet
    expect(await world.internet.ask({ do: 'tcp', host: hostAddress, port: hostPort })).toEqual(got('from the host'))
    const own = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ family }) => family === 'IPv4')
      .map(({ address }) => address)
    expect(own).toEqual(expect.arrayContaining([hostAddress, vethHostSide(slots.open)]))
    const hosts = [...own, '10.111.0.1']
    const answers = await Promise.all(
      [open, shut].flatMap((guest) =>
        hosts.flatMap((host) => [
          guest.ask({ do: 'tcp', host, port: hostPort, timeout: SHORT }),
          guest.ask({ do: 'udp', host, port: hostPort, timeout: SHORT }),
        ]),
      ),
    )
    // 127/8 of the guest's own is the guest itself.
    expect([...new Set(answers.map((answer) => answer.failed))].toSorted()).toEqual(['Connection refused', 'No route to host', 'timeout'])
    expect(answers.filter((answer) => 'got' in answer)).toEqual([])
  })

  it('reaches no other machine, neither by its slot nor by an address inside it', async () => {
    const host = slots.other.address ?? ''
    expect(await dialTcp(host, 80)).toBe('10.111.0.1 hello')
    for (const guest of [open, shut]) {
      for (const target of [host, vethHostSide(slots.other)]) {
        expect(await guest.ask({ do: 'tcp', host: target, timeout: SHORT })).toMatchObject({ failed: 'No route to host' })
        expect(await guest.ask({ do: 'udp', host: target, timeout: SHORT })).toMatchObject({ failed: 'No route to host' })
      }
    }
    expect(await other.ask({ do: 'seen' })).toEqual(got(['10.111.0.1 hello']))
  })

  it('is not reached from outside through the host', async () => {
    await run(newOp(), 'ip', ['-n', world.internet.netns, 'route', 'replace', slots.open.address ?? '', 'via', world.internet.hostAddress])
    expect(await world.internet.ask({ do: 'tcp', host: slots.open.address ?? '', timeout: SHORT })).toMatchObject({ failed: 'timeout' })
  })

  it('cannot send from an address that is not its own', async () => {
    const addresses = ['203.0.113.9', '10.111.0.9', slots.other.address ?? '', vethHostSide(slots.open)]
    for (const bind of addresses) await spoof(open, 0, bind, `open as ${bind}`)
    // Frames keep their order: what had passed would have been seen before this one is answered.
    expect(await open.ask({ do: 'udp', host: world.internet.address })).toHaveProperty('got')
    expect(sources(await world.internet.ask({ do: 'seen' })).filter((one) => one.includes(' as '))).toEqual([])
    // The same attempt from a slot whose check was taken out does arrive, so the one above was a real one.
    await run(newOp(), 'ip', ['netns', 'exec', slots.other.link?.netns ?? '', 'nft', 'insert rule inet nullspace source accept'])
    await spoof(other, 2, '203.0.113.9', 'other as 203.0.113.9')
    expect(await other.ask({ do: 'udp', host: world.internet.address })).toHaveProperty('got')
    expect(sources(await world.internet.ask({ do: 'seen' })).filter((one) => one.includes(' as '))).toHaveLength(1)
  })

  async function spoof(guest: Peer, number: number, bind: string, text: string): Promise<void> {
    const args = (verb: string) => ['-n', `ntg${world.instance}-${number}`, 'addr', verb, `${bind}/32`, 'dev', 'g0']
    await run(newOp(), 'ip', args('add'))
    expect(await guest.ask({ do: 'udp', host: world.internet.address, bind, text, timeout: SHORT })).toMatchObject({ failed: 'timeout' })
    await run(newOp(), 'ip', args('del'))
  }

  it('is still refused by the host when its slot lets everything pass', async () => {
    const netns = slots.other.link?.netns ?? ''
    await run(newOp(), 'ip', ['netns', 'exec', netns, 'nft', 'insert rule inet nullspace out accept'])
    expect(await other.ask({ do: 'tcp', host: world.internet.address })).toHaveProperty('got')
    const hosts = [...world.internet.forbidden, world.internet.resolver, METADATA, slots.open.address ?? '', world.internet.hostAddress]
    const answers = await Promise.all(hosts.map((host) => other.ask({ do: 'tcp', host, timeout: SHORT })))
    expect(answers).toEqual(answers.map(() => ({ id: expect.any(Number), failed: 'timeout' })))
  })

  it("has no IPv6, in the slot or on the host's end of it", async () => {
    expect(await run(newOp(), 'ip', ['-6', '-n', slots.open.link?.netns ?? '', 'addr'])).toBe('')
    expect(await run(newOp(), 'ip', ['-6', 'addr', 'show', 'dev', namesOf(world.instance).veth(slots.open.index)])).toBe('')
  })

  it('whose hypervisor is taken over finds nothing to speak to from inside the slot', async () => {
    const speak = async (slot: Slot): Promise<Answer> =>
      (await world.peerIn(slot.link?.netns ?? '')).ask({ do: 'tcp', host: world.internet.address, timeout: SHORT })
    expect(await speak(slots.open)).toMatchObject({ failed: 'timeout' })
    const rules = ['input', 'output'].map((chain) => `insert rule inet nullspace ${chain} accept\n`).join('')
    await run(newOp(), 'ip', ['netns', 'exec', slots.other.link?.netns ?? '', 'nft', '-f', '-'], { input: rules })
    expect(await speak(slots.other)).toHaveProperty('got')
  })

  it('keeps its connections and its names while the daemon restarts', async () => {
    const again = createNetnsNetwork({
      instance: world.instance,
      uidBase: 700_000,
      spare: 0,
      stateDir: world.stateDir,
      dnsUpstreams: [world.internet.resolver],
      log,
    })
    await again.setUp(newOp())
    expect(await again.adopt(newOp(), slots.open.index)).toEqual(slots.open)
    expect(await again.adopt(newOp(), slots.open.index)).toEqual(slots.open)
    expect(await again.adopt(newOp(), 2000)).toBeNull()
    expect(await open.ask({ do: 'dns', host: '10.111.0.1' })).toEqual(got('203.0.113.80'))
    expect(await dialTcp(slots.open.address ?? '', 80)).toBe('10.111.0.1 hello')
  })
})

const got = (value: unknown) => ({ id: expect.any(Number), got: value })
const sources = (answer: Answer): string[] => answer.got ?? []

/** Packets that left the slot towards the host. */
async function packetsOut(slot: Slot): Promise<number | undefined> {
  const text = await run(newOp(), 'ip', ['-n', slot.link?.netns ?? '', '-s', '-j', 'link', 'show', UPLINK])
  const links = JSON.parse(text) as { stats64: { tx: { packets: number } } }[]
  return links[0]?.stats64.tx.packets
}

function vethHostSide(slot: Slot): string {
  const [a, b, c, d] = (slot.address ?? '').split('.')
  return [a, b, c, Number(d) - 1].join('.')
}

async function listenOnHost(closers: (() => Promise<unknown>)[]): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.resume().end('from the host')
  })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  closers.push(() => new Promise((resolve) => server.close(resolve)))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const udp = createSocket('udp4', (data, from) => udp.send(data, from.port, from.address))
  await new Promise<void>((resolve) => udp.bind(port, '0.0.0.0', resolve))
  closers.push(() => new Promise<void>((resolve) => udp.close(resolve)))
  return port
}

/** A connection that the host opens to the guest's echo and holds. */
async function dialEcho(host: string): Promise<{ heard(): string; ended(): boolean; close(): Promise<unknown> }> {
  let [heard, ended] = ['', false]
  const socket = connect({ host, port: 9 })
  socket.on('data', (data) => (heard += data.toString()))
  socket.on('close', () => (ended = true))
  await newOp(3000).race(new Promise<void>((resolve, reject) => socket.on('connect', resolve).on('error', reject)))
  return { heard: () => heard, ended: () => ended, close: () => Promise.resolve(socket.destroy()) }
}

function dialTcp(host: string, port: number): Promise<string> {
  return newOp(3000).race(
    new Promise((resolve, reject) => {
      const socket = connect({ host, port }, () => socket.write('hello'))
      socket.on('error', reject)
      socket.on('data', (data) => {
        resolve(data.toString())
        socket.destroy()
      })
    }),
  )
}

function dialUdp(host: string, port: number): Promise<string> {
  const socket = createSocket('udp4')
  const answer = new Promise<string>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('message', (data) => resolve(data.toString()))
    socket.connect(port, host, () => socket.send('hello'))
  })
  return newOp(3000)
    .race(answer)
    .finally(() => socket.close())
}
