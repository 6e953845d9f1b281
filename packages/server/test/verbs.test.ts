// Every verb in every state, and while something else is at work: a stated answer, at once.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { until } from '@nullspace/vmm/exam/until.ts'
import type { Host } from '../src/host/host.ts'
import { tryDestroy } from '../src/app/destroy.ts'
import { tryHibernate } from '../src/app/pause.ts'
import { counting, theRow } from './ground.ts'
import { createWorld, type Answer, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const VERBS = {
  exec: (id: string) => post(`${id}/exec`, { command: 'true' }),
  timeout: (id: string) => post(`${id}/timeout`, { timeout_ms: 60_000 }),
  hibernate: (id: string) => post(`${id}/hibernate`),
  resume: (id: string) => post(`${id}/resume`),
  snapshot: (id: string) => post(`${id}/snapshots`),
  fork: (id: string) => post(`${id}/fork`),
  forks: (id: string) => post(`${id}/forks`, { count: 2 }),
  get: (id: string) => world.call('GET', `/v1/machines/${id}`),
  lineage: (id: string) => world.call('GET', `/v1/machines/${id}/lineage`),
  destroy: (id: string) => world.call('DELETE', `/v1/machines/${id}`),
} as const
type Verb = keyof typeof VERBS
const post = (path: string, body?: unknown): Promise<Answer> => world.call('POST', `/v1/machines/${path}`, { body })
const said = ({ status, body }: Answer): string => (status < 300 ? `${status}` : `${status} ${body.code}`)

/** What each verb answers, one after the other; destroy comes last. */
async function sweep(make: () => Promise<string>): Promise<Record<string, string>> {
  const answers: Record<string, string> = {}
  for (const [verb, run] of Object.entries(VERBS)) answers[verb] = said(await run(await make()))
  return answers
}

describe('in the state', () => {
  test('running', async () => {
    expect(await sweep(() => counting(world))).toEqual({
      ...{ exec: '200', timeout: '200', hibernate: '200', resume: '409 machine_not_ready', snapshot: '201' },
      ...{ fork: '201', forks: '201', get: '200', lineage: '200', destroy: '200' },
    })
  })

  test('paused', async () => {
    const make = async (): Promise<string> => {
      const id = await counting(world)
      await VERBS.hibernate(id)
      return id
    }
    expect(await sweep(make)).toEqual({
      ...{ exec: '409 machine_not_ready', timeout: '409 machine_not_ready', hibernate: '409 machine_not_ready', resume: '200' },
      ...{ snapshot: '201', fork: '409 machine_not_ready', forks: '409 machine_not_ready', get: '200', lineage: '200', destroy: '200' },
    })
  })

  test('error', async () => {
    const make = async (): Promise<string> => {
      const id = await counting(world)
      world.vms.crash(id)
      await until(
        () => VERBS.get(id),
        ({ body }) => body.status === 'error',
      )
      await world.daemon.app.lock.released(id)
      return id
    }
    const no = '409 machine_not_ready'
    expect(await sweep(make)).toEqual({
      ...{ exec: no, timeout: no, hibernate: no, resume: no, snapshot: no, fork: no, forks: no },
      ...{ get: '200', lineage: '200', destroy: '200' },
    })
  })

  test('creating', async () => {
    const gate = Promise.withResolvers<void>()
    world.hostFaults.greet = () => gate.promise
    const making = world.call('POST', '/v1/machines', { body: {} })
    const [{ id }] = await until(
      async () => (await world.call('GET', '/v1/machines')).body,
      (list) => list.length === 1 && list[0].status === 'creating',
    )
    // A command waits for it; nothing else does.
    const command = VERBS.exec(id)
    const answers: Record<string, string> = {}
    for (const [verb, run] of Object.entries(VERBS)) if (verb !== 'exec') answers[verb] = said(await run(id))
    const no = '409 machine_not_ready'
    expect(answers).toEqual({
      ...{ timeout: no, hibernate: '409 transition_in_progress', resume: '409 transition_in_progress', fork: no, forks: no },
      ...{ snapshot: '409 transition_in_progress', get: '200', lineage: '200', destroy: '409 transition_in_progress' },
    })
    delete world.hostFaults.greet
    gate.resolve()
    expect([said(await making), said(await command)]).toEqual(['201', '200'])
  })

  test('no machine, another owner’s, or rubbish', async () => {
    const theirs = await counting(world)
    const { key } = await world.otherOwner()
    const saved = (await VERBS.snapshot(theirs)).body.id
    const asMallory = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => world.call(method, path, { key, body })
    for (const id of [theirs, 'mch_aaaaaaaaaaaaaaaaaaaa', '../x', '%00', 'x'.repeat(500)]) {
      const at = `/v1/machines/${encodeURIComponent(id)}`
      const answers = await Promise.all([
        asMallory('GET', at),
        asMallory('GET', `${at}/lineage`),
        asMallory('POST', `${at}/exec`, { command: 'true' }),
        asMallory('POST', `${at}/timeout`, { timeout_ms: 60_000 }),
        asMallory('POST', `${at}/hibernate`),
        asMallory('POST', `${at}/resume`),
        asMallory('POST', `${at}/snapshots`),
        asMallory('POST', `${at}/fork`),
        asMallory('POST', `${at}/forks`, { count: 2 }),
        asMallory('DELETE', at),
      ])
      // What no router takes for an id is refused by it.
      const expected = id.length > 100 ? /^4\d\d / : /^404 machine_not_found$/
      for (const answer of answers) expect(said(answer), id.slice(0, 30)).toMatch(expected)
    }
    for (const id of [saved, 'snap_aaaaaaaaaaaaaaaaaaaa', theirs]) {
      expect(said(await asMallory('GET', `/v1/snapshots/${id}`))).toBe('404 snapshot_not_found')
      expect(said(await asMallory('DELETE', `/v1/snapshots/${id}`))).toBe('404 snapshot_not_found')
      expect(said(await asMallory('POST', '/v1/machines', { snapshot_id: id }))).toBe('404 snapshot_not_found')
    }
    expect((await asMallory('GET', `/v1/snapshots?machine_id=${theirs}`)).body).toEqual([])
    expect(await world.count(theirs)).toBe(2)
  })
})

/** A step of the host at which each long verb can be held, and the state that it begins in. */
const HELD: Record<string, { step: keyof Host; paused?: true; allowed: Partial<Record<Verb, string>> }> = {
  hibernate: { step: 'sealSnapshot', allowed: {} },
  resume: { step: 'startVm', paused: true, allowed: {} },
  snapshot: { step: 'sealSnapshot', allowed: { exec: '200', timeout: '200' } },
  forks: { step: 'sealSnapshot', allowed: { exec: '200', timeout: '200' } },
  destroy: { step: 'removeDisk', allowed: {} },
}

describe('while it is in flight,', () => {
  test.each(Object.entries(HELD))('%s', async (long, { step, paused, allowed }) => {
    const id = await counting(world)
    if (paused) await VERBS.hibernate(id)
    const arrived = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    world.hostFaults[step] = () => {
      arrived.resolve()
      return gate.promise
    }
    const first = VERBS[long as Verb](id)
    await arrived.promise
    const settled: Partial<Record<Verb, Answer>> = {}
    const all = (Object.keys(VERBS) as Verb[]).map(async (verb) => (settled[verb] = await VERBS[verb](id)))
    // Those that join the same, and commands that wait for a transition, have no answer yet; everything else has one.
    const joins: Verb[] = [long as Verb]
    if (long !== 'destroy' && !allowed.exec) joins.push('exec')
    await until(
      () => Object.keys(VERBS).filter((verb) => !settled[verb as Verb]),
      (open) => open.every((verb) => joins.includes(verb as Verb) || (long === 'forks' && verb === 'fork')),
    )
    for (const [verb, answer] of Object.entries(settled) as [Verb, Answer][]) {
      if (verb === 'get' || verb === 'lineage' || joins.includes(verb)) continue
      if (long === 'destroy') expect(said(answer), verb).toBe('404 machine_not_found')
      else expect(said(answer), verb).toMatch(allowed[verb] ?? /^409 (transition_in_progress|machine_not_ready)$/)
    }
    delete world.hostFaults[step]
    gate.resolve()
    expect((await first).status).toBeLessThan(300)
    await Promise.all(all)
    if (long === 'hibernate' || long === 'resume' || long === 'destroy') expect(said(settled[long as Verb]!)).toBe('200')
  })
})

// Its owner sees that it is paused while the rest of its VM is still being cleared away.
describe.each(['resume', 'snapshot', 'destroy'] as const)('what is paused already can', (verb) => {
  test(`${verb}, and waits for what is left of the pause`, async () => {
    const id = await counting(world)
    const arrived = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    world.hostFaults.removeDisk = () => {
      arrived.resolve()
      return gate.promise
    }
    const pausing = VERBS.hibernate(id)
    await arrived.promise
    expect((await VERBS.get(id)).body.status).toBe('paused')
    const asked = VERBS[verb](id)
    const answered = vi.fn()
    void asked.then(answered)
    await VERBS.get(id)
    expect(answered).not.toHaveBeenCalled()
    delete world.hostFaults.removeDisk
    gate.resolve()
    expect(said(await pausing)).toBe('200')
    expect(said(await asked)).toMatch(/^20[01]$/)
  })
})

describe('joining', () => {
  test('a deadline that is put off in that moment: the pause, and the destroy, are done all the same', async () => {
    const id = await counting(world)
    const { app } = world.daemon
    const notDue = { reason: 'its time is over', isDue: () => false }
    const paused = Promise.all([tryHibernate(app, id, { actor: 'system', due: notDue }), VERBS.hibernate(id)])
    expect((await paused)[1]).toMatchObject({ status: 200, body: { machine_id: id } })
    expect((await VERBS.get(id)).body.status).toBe('paused')
    const [, answer] = await Promise.all([tryDestroy(app, await theRow(world, id), notDue), VERBS.destroy(id)])
    expect(answer.status).toBe(200)
    expect((await VERBS.get(id)).status).toBe(404)
  })

  test('what undoes an earlier one: it is done again, and told if it cannot be', async () => {
    const id = await counting(world)
    await VERBS.hibernate(id)
    world.hostFaults.startVm = () => Promise.reject(new Error('EIO'))
    world.hostFaults.removeDisk = () => Promise.reject(new Error('EBUSY'))
    expect(said(await VERBS.resume(id))).toBe('503 no_eligible_runtime_host')
    // It could not be undone, so it stands in the journal.
    expect(said(await VERBS.resume(id))).toBe('409 transition_in_progress')
    for (const step of ['startVm', 'removeDisk'] as const) delete world.hostFaults[step]
    const { engine, lock } = world.daemon.app
    const undoing = engine.resume((keys, kind, work) => lock.tryRunAll(keys, kind, work))
    await until(
      () => lock.holder(id),
      (holder) => holder === 'resume',
    )
    expect((await VERBS.resume(id)).body.status).toBe('running')
    await undoing
    expect(await world.count(id)).toBe(2)
  })
})
