// Machines restored from one snapshot are different machines: names, randomness and clock are their own from the first command on.

import { beforeAll, describe, expect, test } from 'vitest'
import { useLifecycles } from './lib/each-lifecycle.ts'
import { expectAllDifferent, type Look, look } from './lib/identity.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()
const eachLifecycle = useLifecycles(shared)

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

  test('no two generators give the same', async () => {
    expect(looks[0]?.random).toHaveLength(3)
    // A language’s own generator begins with what the kernel gave it, perhaps long ago.
    const own = await Promise.all(
      looks.slice(0, 4).map(({ machine }) => machine.python('import random, uuid; print(random.random()); print(uuid.uuid4())')),
    )
    const all = [...looks.flatMap(({ random }) => random), ...own.flatMap((lines) => lines.split('\n'))]
    expect(new Set(all).size).toBe(all.length)
  })

  test('the clock is right to within a few seconds', () => {
    for (const { clockOffBy } of looks) expect(clockOffBy).toBeLessThan(3)
  })

  test('a machine stays who it is', async () => {
    const [one] = looks
    expect((await look(one!.machine)).names).toEqual(one!.names) // made above
  })

  // The key of the session with an agent cannot be seen from outside; that answers are never another machine's can.
  test('each answers for itself only, all asked at once', async () => {
    const rounds = looks.flatMap(({ machine }) =>
      [1, 2].map(async (round) => [machine.id, await machine.text(`echo $(hostname) ${round}`), round] as const),
    )
    for (const [id, answer, round] of await Promise.all(rounds)) expect(answer).toBe(`${id.replace('_', '-')} ${round}`)
  })
})

eachLifecycle('the name is the id and resolves, the clock is right, and there is nobody like it', async (machine) => {
  const seen = await look(machine)
  expectAllDifferent([seen, await look(await shared.machine())])
  expect(await machine.text('getent hosts "$(hostname)"')).toMatch(/^127\.0\.\d\.1\s/)
})
