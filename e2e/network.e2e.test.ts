// What a guest reaches: an internet when it may, and never the host, what the host alone can see, or another machine.
// The internet is a namespace of this test run. Every address that must not be reached leads there too, or to a
// listener of this file, so that a hole in the policy would be seen and would lead nowhere else.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { until } from '@nullspace/vmm/exam/until.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useLifecycles } from './lib/each-lifecycle.ts'
import { hypervisorOf, namespaceOf, run } from './lib/host.ts'
import { SITE } from './lib/internet-services.ts'
import { arrivals } from './lib/internet.ts'
import type { Machine } from './lib/machine.ts'
import { probe, type Question } from './lib/probe.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()
const { internet } = shared
/** As a guest sees the host. */
const GATEWAY = '10.111.0.1'
/** Where a cloud keeps its secrets, and an address of each private range. */
const FORBIDDEN = ['169.254.169.254', '10.77.77.1', '172.31.77.1', '192.168.77.77', '100.127.255.77', '198.19.77.1']

const eachOnline = useLifecycles(shared)
const eachOffline = useLifecycles(shared, { internet_access: false })

let online: Machine
let offline: Machine
beforeAll(async () => {
  ;[online, offline] = await Promise.all([shared.machine(), shared.machine({ internet_access: false })])
})

describe('a machine with the internet', () => {
  eachOnline('resolves names, and is told which do not exist', async (machine) => {
    expect(
      await probe(machine, [
        ['name', SITE],
        ['name', 'no-such.test'],
      ]),
    ).toEqual([`got ${internet.address}`, expect.stringMatching(/^failed: .*not known/)])
  })

  eachOnline('speaks TCP and UDP, by name and by address, and is seen under the host’s address', async (machine) => {
    const questions: Question[] = [
      ['tcp', SITE, 7],
      ['udp', SITE, 7],
      ['tcp', internet.address, 7],
      ['udp', internet.address, 7],
    ]
    expect(await probe(machine, questions)).toEqual(Array(4).fill(`got ${internet.hostAddress} hello`))
  })

  test('is told at once that nobody listens', async () => {
    expect(await probe(online, [['tcp', internet.address, 81]])).toEqual([expect.stringContaining('refused')])
  })

  test('downloads', async () => {
    expect(await online.text(`curl -s --max-time 20 http://${SITE}:8080/megabyte | wc -c`)).toBe('1048576')
  })
})

describe('a machine without', () => {
  eachOffline('reaches nothing and resolves nothing, and hears so at once', async (machine) => {
    const questions: Question[] = [
      ['name', SITE],
      ['tcp', internet.address, 7],
      ['udp', internet.address, 7],
      ['udp', internet.address, 53],
      ['tcp', GATEWAY, 53],
    ]
    const before = await arrivals(internet)
    const answers = await probe(machine, questions)
    expect(answers).toEqual(questions.map(() => expect.stringMatching(/^failed: /)))
    expect(answers.join()).not.toMatch(/timed out/)
    expect(await arrivals(internet)).toEqual(before)
  })

  test('has itself', async () => {
    expect(
      await offline.text(`python3 -c "
import socket
a = socket.create_server(('127.0.0.1', 0)); socket.create_connection(a.getsockname()); print('loop')"`),
    ).toBe('loop')
  })
})

describe('nobody reaches', () => {
  let listeners: Server[] = []
  const answered: string[] = []
  const datagrams = createSocket('udp4')
  let port = 0
  let neighbour: Machine
  let neighbourSlot: { readonly host: string; readonly slot: string }

  beforeAll(async () => {
    const tcp = createServer((socket) => {
      answered.push(`tcp ${socket.remoteAddress}`)
      socket.end('the host')
    }).listen(0, '0.0.0.0')
    await once(tcp, 'listening')
    listeners = [tcp]
    const address = tcp.address()
    port = typeof address === 'object' && address ? address.port : 0
    datagrams.on('message', (_data, peer) => {
      answered.push(`udp ${peer.address}`)
      datagrams.send('the host', peer.port, peer.address)
    })
    datagrams.bind(port, '0.0.0.0')
    await once(datagrams, 'listening')
    for (const one of FORBIDDEN) {
      await run('ip', ['-n', internet.netns, 'addr', 'add', `${one}/32`, 'dev', 'lo'])
      await run('ip', ['route', 'add', `${one}/32`, 'via', internet.address, 'dev', internet.link])
    }
    neighbour = await shared.machine()
    await neighbour.background('exec python3 -m http.server 8000 --directory /srv')
    neighbourSlot = await slotOf(neighbour)
  })
  afterAll(async () => {
    for (const one of listeners) one.close()
    datagrams.close()
    for (const one of FORBIDDEN)
      await run('ip', ['route', 'del', `${one}/32`, 'via', internet.address, 'dev', internet.link]).catch(() => {})
  })

  /** Both ends of the link between a machine's namespace and the host. */
  async function slotOf(machine: Machine): Promise<{ host: string; slot: string }> {
    const netns = namespaceOf(shared.place, hypervisorOf(shared.place, machine.id).pid) ?? ''
    const { stdout } = await run('ip', ['-n', netns, '-4', '-j', 'addr', 'show', 'dev', 'up0'])
    const slot = (JSON.parse(stdout) as { addr_info: { local: string }[] }[])[0]?.addr_info[0]?.local ?? ''
    return { slot, host: slot.replace(/\d+$/, (last) => String(Number(last) ^ 1)) }
  }

  test('the host, its other listeners and the daemon', async () => {
    const own = await slotOf(online)
    const lan = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal && one.address !== internet.hostAddress)
    const hosts = [GATEWAY, internet.hostAddress, own.host, own.slot, ...(lan ? [lan.address] : [])]
    const api = Number(new URL(shared.client.url).port)
    const questions = hosts.flatMap((host): Question[] => [
      ['tcp', host, port],
      ['udp', host, port],
      ['tcp', host, api],
    ])
    for (const machine of [online, offline])
      expect(await probe(machine, questions)).toEqual(questions.map(() => expect.stringMatching(/^failed: /)))
    expect(answered).toEqual([])
  })

  const only = FORBIDDEN.flatMap((host): Question[] => [
    ['tcp', host, 7],
    ['udp', host, 7],
  ])
  for (const [who, each] of [
    ['with', eachOnline],
    ['without', eachOffline],
  ] as const) {
    each(`addresses that only a host has any business with, from a machine ${who} the internet`, async (machine) => {
      // They do answer: what follows is refused, not missing.
      for (const one of FORBIDDEN) expect(await hostSpeaksTo(one, 7)).toContain('hello')
      const before = await arrivals(internet)
      expect(await probe(machine, only)).toEqual(only.map(() => expect.stringMatching(/^failed: /)))
      expect(await arrivals(internet)).toEqual(before)
    })
  }

  test('another machine', async () => {
    await until(
      () => fetch(`http://${neighbourSlot.slot}:8000/`),
      ({ ok }) => ok,
      { withinMs: 30_000, what: 'the host reaches the neighbour' },
    )
    const questions: Question[] = [
      ['tcp', neighbourSlot.slot, 8000],
      ['udp', neighbourSlot.slot, 8000],
      ['tcp', neighbourSlot.host, 8000],
    ]
    for (const machine of [online, offline])
      expect(await probe(machine, questions)).toEqual(questions.map(() => expect.stringMatching(/^failed: /)))
  })

  test('anybody under a false address', async () => {
    const before = await arrivals(internet)
    const spoof = `ip addr add 10.111.0.9/32 dev eth0 && python3 -c "
import socket
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.bind(('10.111.0.9', 0)); one.settimeout(1)
one.sendto(b'hello', ('${internet.address}', 7))
try: print(one.recv(99))
except OSError: print('nothing')"; ip addr del 10.111.0.9/32 dev eth0`
    expect(await online.text(spoof)).toBe('nothing')
    expect(await arrivals(internet)).toEqual(before)
  })
})

async function hostSpeaksTo(host: string, port: number): Promise<string> {
  const socket = connect({ host, port, timeout: 5000 })
  socket.write('hello')
  const [data] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return data.toString()
}
