// Machines restored from one snapshot are different machines: names, randomness and clock are their own from the first command on.

import { beforeAll, describe, expect, test } from 'vitest'
import type { Machine } from './lib/machine.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()

/** Of the kernel, of a C library's user and of a language's own generator: each could have been frozen in the snapshot. */
const LOOK = `hostname
cat /etc/hostname
cat /etc/machine-id
cat /proc/sys/kernel/random/boot_id
cat /proc/sys/kernel/random/uuid
head -c 16 /dev/urandom | od -An -tx1 | tr -d ' '
mktemp -u
python3 -c 'import random, time, uuid; print(random.random()); print(uuid.uuid4()); print(time.time())'`

interface Look {
  readonly machine: Machine
  readonly names: { readonly hostname: string; readonly file: string; readonly machineId: string; readonly bootId: string }
  readonly random: readonly string[]
  /** Seconds that the guest's clock was ahead of every moment in which it can have been read. */
  readonly clockOffBy: number
}

async function look(machine: Machine): Promise<Look> {
  const from = Date.now() / 1000
  const [hostname = '', file = '', machineId = '', bootId = '', ...rest] = (await machine.text(LOOK)).split('\n')
  const to = Date.now() / 1000
  const now = Number(rest.pop())
  return { machine, names: { hostname, file, machineId, bootId }, random: rest, clockOffBy: Math.max(from - now, now - to, 0) }
}

describe('machines made one after the other and eight at a time', () => {
  let looks: readonly Look[]

  beforeAll(async () => {
    const first = await look(await shared.machine())
    const second = await look(await shared.machine())
    const eight = await Promise.all(Array.from({ length: 8 }, () => shared.machine()))
    looks = [first, second, ...(await Promise.all(eight.map(look)))]
  })

  test('ids are unique', () => {
    expect(new Set(looks.map(({ machine }) => machine.id)).size).toBe(looks.length)
  })

  test('the host name is the id, in the kernel and in the file', () => {
    for (const { machine, names } of looks) expect([names.hostname, names.file]).toEqual(Array(2).fill(machine.id.replace('_', '-')))
  })

  test.each(['machineId', 'bootId'] as const)('%s is each machine’s own', (name) => {
    const form = { machineId: /^[0-9a-f]{32}$/, bootId: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/ }[name]
    for (const { names } of looks) expect(names[name]).toMatch(form)
    expect(new Set(looks.map(({ names }) => names[name])).size).toBe(looks.length)
  })

  test('no two generators give the same', () => {
    expect(looks[0]?.random).toHaveLength(5)
    const all = looks.flatMap(({ random }) => random)
    expect(new Set(all).size).toBe(all.length)
  })

  test('the clock is right to within a few seconds', () => {
    for (const { clockOffBy } of looks) expect(clockOffBy).toBeLessThan(3)
  })

  test('a machine stays who it is', async () => {
    const [one] = looks
    expect((await look(one!.machine)).names).toEqual(one!.names) // made above
  })

  test('the own name resolves', async () => {
    const [one] = looks
    expect(await one!.machine.text('getent hosts "$(hostname)"')).toMatch(/^127\.0\.\d\.1\s/) // made above
  })

  // The key of the session with an agent cannot be seen from outside; that answers are never another machine's can.
  test('each answers for itself only, all asked at once', async () => {
    const rounds = looks.flatMap(({ machine }) =>
      [1, 2].map(async (round) => [machine.id, await machine.text(`echo $(hostname) ${round}`), round] as const),
    )
    for (const [id, answer, round] of await Promise.all(rounds)) expect(answer).toBe(`${id.replace('_', '-')} ${round}`)
  })
})
