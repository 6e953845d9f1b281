// Random lives of machines against a model: verbs, deaths of VMs, of the daemon between and in the middle of verbs, and
// time that goes on and back. Whatever happens, what was acknowledged is there with its memory, and nothing else is.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deadlines } from '../src/reconcilers/deadlines.ts'
import { lost } from '../src/reconcilers/machines.ts'
import type { StepHooks } from '../src/workflows/engine.ts'
import { type Expected, expectTold, Model } from './life-model.ts'
import { type Answer, createWorld, type World } from './world.ts'

const MOST_MACHINES = 5
const MOST_SNAPSHOTS = 3
const LIFE_MS = 60_000

type Act = (stage: Stage, pick: number) => Promise<void>

/** A verb, and what the model becomes when it is acknowledged. */
interface Verb {
  /** Machine or snapshot. */
  readonly on: string
  readonly refusal: string | null
  readonly send: () => Promise<Answer>
  readonly done: (answer: Answer) => void
}

/** Kills the daemon after some number of edges of steps, whatever they are of. */
class Fuse {
  #left = Infinity
  #burnt = Promise.withResolvers<void>()
  readonly hooks: StepHooks = { before: () => this.#edge(), after: () => this.#edge() }

  /** Resolves when it is over. */
  light(edges: number): Promise<void> {
    this.#left = edges
    this.#burnt = Promise.withResolvers()
    return this.#burnt.promise
  }
  putOut(): void {
    this.#left = Infinity
  }

  #edge(): Promise<void> | void {
    if (--this.#left > 0) return
    this.#burnt.resolve()
    return new Promise(() => {})
  }
}

class Stage {
  readonly world: World
  readonly model: Model
  readonly #fuse: Fuse

  constructor(world: World, fuse: Fuse) {
    this.world = world
    this.model = new Model(world)
    this.#fuse = fuse
  }

  static async open(): Promise<Stage> {
    const fuse = new Fuse()
    const world = await createWorld({ hooks: fuse.hooks })
    await world.daemon.stop()
    return new Stage(world, fuse)
  }

  async perform({ refusal, send, done }: Verb): Promise<void> {
    const answer = await send()
    expectTold(answer, refusal)
    if (refusal === null) done(answer)
    await this.settle()
  }

  /** The same, with a daemon that dies at one of the next edges, if the verb has that many. */
  async cut(verb: Verb, edges: number): Promise<void> {
    const { world, model } = this
    const before = model.machines.get(verb.on)
    const dead = this.#fuse.light(edges)
    const answered = verb.send().then((answer) => ({ answer }))
    const first = await Promise.race([answered, dead.then(() => null)])
    if (first) {
      expectTold(first.answer, verb.refusal)
      if (verb.refusal === null) verb.done(first.answer)
    }
    // What goes on after the answer meets its end as well.
    await this.restart()
    if (!first) await model.learn(verb.on, before && { ...before })
    await world.daemon.app.lock.idle()
    await this.settle()
  }

  async restart(): Promise<void> {
    this.world.crash()
    this.#fuse.putOut()
    await this.world.restart(this.#fuse.hooks)
    await this.world.daemon.stop()
    this.model.forget()
  }

  /** All that is due is done. */
  async settle(): Promise<void> {
    const { app } = this.world.daemon
    for (const reconciler of [lost(app, { reasons: new Map() }), deadlines(app)]) await reconciler.run()
    await app.lock.idle()
    this.model.passTime()
  }
}

const verbs: Record<string, (stage: Stage, pick: number) => Verb | null> = {
  create({ world, model }, pick) {
    if (model.machines.size >= MOST_MACHINES) return null
    const action = pick % 2 ? 'hibernate' : 'destroy'
    const options = { action, autoResume: pick % 4 === 3, idleMs: pick % 3 ? null : 25_000, timeoutMs: LIFE_MS, counter: 0 } as const
    const { autoResume: auto_resume, idleMs: inactivity_timeout_ms } = options
    const body = { timeout_ms: LIFE_MS, timeout_action: action, auto_resume, inactivity_timeout_ms }
    return {
      on: 'mch_new',
      refusal: null,
      send: () => world.call('POST', '/v1/machines', { body }),
      done: (answer) => model.begins(answer.body.id, options),
    }
  },
  createFrom({ world, model }, pick) {
    if (model.machines.size >= MOST_MACHINES) return null
    const on = model.snapshot(pick)
    const counter = model.snapshots.get(on)
    return {
      on,
      refusal: counter === undefined ? 'snapshot_not_found' : null,
      send: () => world.call('POST', '/v1/machines', { body: { snapshot_id: on, timeout_ms: LIFE_MS } }),
      done: ({ body }) =>
        model.begins(body.id, { counter: counter ?? Number.NaN, action: 'destroy', autoResume: false, idleMs: null, timeoutMs: LIFE_MS }),
    }
  },
  count({ world, model }, pick) {
    const on = model.machine(pick)
    const machine = model.machines.get(on)
    const legal: Expected['state'][] = machine?.autoResume ? ['running', 'paused'] : ['running']
    return {
      on,
      refusal: model.refusal(on, legal),
      send: () => world.call('POST', `/v1/machines/${on}/exec`, { body: { command: 'counter' } }),
      done({ body }) {
        if (!machine) return
        if (machine.state === 'paused') model.runs(on)
        machine.usedAt = world.clock.now()
        expect(body.stdout).toBe(`${++machine.counter}\n`)
      },
    }
  },
  pause: onMachine('hibernate', ['running'], (machine) => (machine.state = 'paused')),
  resume: onMachine('resume', ['paused'], (_machine, model, on) => model.runs(on)),
  snapshot(stage, pick) {
    if (stage.model.snapshots.size >= MOST_SNAPSHOTS) return null
    return onMachine('snapshots', ['running', 'paused'], ({ counter }, model, _on, { body }) => model.snapshots.set(body.id, counter))(
      stage,
      pick,
    )
  },
  fork(stage, pick) {
    if (stage.model.machines.size >= MOST_MACHINES) return null
    return onMachine('fork', ['running'], (machine, model, _on, { body }) => model.begins(body.id, machine))(stage, pick)
  },
  forks(stage, pick) {
    if (stage.model.machines.size >= MOST_MACHINES) return null
    const adopt = (machine: Expected, model: Model, _on: string, { body }: Answer): void => {
      for (const child of body.items) model.begins(child.id, machine)
    }
    return onMachine('forks', ['running'], adopt, { count: 2 })(stage, pick)
  },
  setTimeout: onMachine(
    'timeout',
    ['running'],
    (machine, _model, _on, { body }) => Object.assign(machine, { timeoutMs: 45_000, deadline: Date.parse(body.timeout_at) }),
    { timeout_ms: 45_000 },
  ),
  destroy({ world, model }, pick) {
    const on = model.machine(pick)
    return {
      on,
      refusal: model.refusal(on, ['running', 'paused', 'error']),
      send: () => world.call('DELETE', `/v1/machines/${on}`),
      done: () => void model.machines.delete(on),
    }
  },
  deleteSnapshot({ world, model }, pick) {
    const on = model.snapshot(pick)
    return {
      on,
      refusal: model.snapshots.has(on) ? null : 'snapshot_not_found',
      send: () => world.call('DELETE', `/v1/snapshots/${on}`),
      done: () => void model.snapshots.delete(on),
    }
  },
}

function onMachine(
  path: string,
  legal: readonly Expected['state'][],
  done: (machine: Expected, model: Model, on: string, answer: Answer) => unknown,
  body?: Record<string, unknown>,
) {
  return ({ world, model }: Stage, pick: number): Verb => {
    const on = model.machine(pick)
    const machine = model.machines.get(on)
    return {
      on,
      refusal: model.refusal(on, legal),
      send: () => world.call('POST', `/v1/machines/${on}/${path}`, { body }),
      done: (answer) => machine && done(machine, model, on, answer),
    }
  }
}

const acts: Record<string, Act> = {
  async killVm(stage, pick) {
    const machine = stage.model.machines.get(stage.model.machine(pick))
    if (machine?.state !== 'running') return
    stage.world.vms.crash(stage.model.machine(pick))
    machine.state = 'error'
    await stage.settle()
  },
  async killDaemon(stage) {
    await stage.restart()
    await stage.settle()
  },
  async passTime(stage, pick) {
    stage.world.clock.step(((pick % 5) - 1) * 11_000)
    await stage.settle()
  },
}
for (const [name, verb] of Object.entries(verbs)) {
  acts[name] = async (stage, pick) => {
    const what = verb(stage, pick)
    if (what) await stage.perform(what)
  }
  // Where the snapshot that it would make is not known by any name, it is not cut: create and snapshot have a matrix of their own.
  if (!['create', 'createFrom', 'snapshot', 'count'].includes(name)) {
    acts[`cut ${name}`] = async (stage, pick) => {
      const what = verb(stage, pick)
      if (what) await stage.cut(what, 1 + (pick % 13))
    }
  }
}

test('random lives', { timeout: 120_000 }, async () => {
  let steps = 0
  const often = ['create', 'create', 'create', 'count', 'count', 'pause', 'resume', 'snapshot', 'createFrom', 'fork', 'passTime']
  const act = fc.constantFrom(...often, ...Object.keys(acts))
  const script = fc.array(fc.tuple(act, fc.nat(1000)), { minLength: 60, maxLength: 120, size: 'max' })
  await fc.assert(
    fc.asyncProperty(script, async (parts) => {
      const stage = await Stage.open()
      await using world = stage.world
      for (const [name, pick] of parts) {
        await acts[name]?.(stage, pick)
        await stage.model.check()
        steps++
      }
      for (const [id, { state, counter }] of stage.model.machines) {
        if (state === 'error') continue
        if (state === 'paused') await world.call('POST', `/v1/machines/${id}/resume`)
        expect(await world.count(id)).toBe(counter + 1)
      }
      for (const id of stage.model.machines.keys()) await world.call('DELETE', `/v1/machines/${id}`)
      for (const [snapshot, counter] of stage.model.snapshots) {
        const { id } = await world.machine({ snapshot_id: snapshot })
        expect(await world.count(id)).toBe(counter + 1)
        await world.call('DELETE', `/v1/machines/${id}`)
        await world.call('DELETE', `/v1/snapshots/${snapshot}`)
      }
      await world.daemon.app.lock.idle()
      expect(await world.leftovers()).toEqual([])
    }),
    // On a slow host fewer lives are lived, not longer ones.
    { numRuns: 30, endOnFailure: true, interruptAfterTimeLimit: 30_000, markInterruptAsFailure: false },
  )
  expect(steps).toBeGreaterThan(100)
})
