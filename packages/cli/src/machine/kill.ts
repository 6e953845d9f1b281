import { exitCodeOf } from '@nullspace/contract/exit-codes.ts'
import { destroyMachine } from '@nullspace/contract/machines.ts'
import { Machine, MachineError } from '@nullspace/sdk'
import { defineCommand, type Context } from '../core/command.ts'
import { describeFailure, failureText, usageError, type Failure } from '../core/failure.ts'
import { flag, manyArguments } from '../core/options.ts'

type Outcome = { readonly id: string; readonly status: 'destroyed' } | { readonly id: string; readonly error: Failure }

const AT_ONCE = 8

export const machineKill = defineCommand({
  path: 'machine kill',
  summary: 'Destroy machines and everything in them.',
  args: { ids: manyArguments('ids', 'Machine ids') },
  options: {
    all: flag('--all', 'All machines of the key’s owner; asks first'),
    yes: flag('--yes', 'Do not ask'),
  },
  examples: ['nullspace machine kill mch_abc', 'nullspace machine kill mch_abc mch_def', 'nullspace machine kill --all --yes'],
  /** One id gives one object and fails as any command; several give a list, with what failed in it. */
  async run(context): Promise<Outcome | Outcome[]> {
    const { client, io, args } = context
    const ids = args.all ? await allIds(context) : [...new Set(args.ids)]
    const [id] = ids
    if (!args.all && id === undefined) throw usageError('no machine given', 'Name machine ids, or use --all.')
    if (!args.all && ids.length === 1 && id !== undefined) return client.call(destroyMachine, { params: { id } }, { signal: io.signal })
    const waiting = [...ids]
    const outcomes = new Map<string, Outcome>()
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) outcomes.set(next, await killOne(context, next))
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    return ids.flatMap((one) => outcomes.get(one) ?? [])
  },
  render(value, { io, note }) {
    const outcomes = [value].flat()
    if (outcomes.length === 0) note('no machines')
    for (const one of outcomes) {
      if ('error' in one) io.stderr.write(failureText(one.error, false))
      else io.stdout.write(`destroyed ${one.id}\n`)
    }
  },
  exitCode: (value) => [value].flat().reduce((code, one) => code || ('error' in one ? exitCodeOf(one.error.code) : 0), 0),
})

type Args = Context<{ readonly ids: string[]; readonly all: boolean | undefined; readonly yes: boolean | undefined }>

async function killOne({ client, io }: Args, id: string): Promise<Outcome> {
  try {
    return await client.call(destroyMachine, { params: { id } }, { signal: io.signal })
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
    return { id, error: describeFailure(error) }
  }
}

async function allIds({ client, args, io }: Args): Promise<string[]> {
  if (args.ids.length > 0) throw usageError('ids and --all exclude each other')
  const ids: string[] = []
  for await (const { id } of Machine.list({ client, signal: io.signal })) ids.push(id)
  if (ids.length === 0 || args.yes) return ids
  if (!io.canAsk) throw usageError(`this would destroy ${ids.length} machines`, 'Add --yes to do it without being asked.')
  const answer = await io.ask(`Destroy ${ids.length === 1 ? 'the one machine' : `all ${ids.length} machines`}? [y/N] `)
  if (!/^y(es)?$/i.test(answer.trim())) throw usageError('nothing was destroyed')
  return ids
}
