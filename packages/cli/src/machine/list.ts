import { listMachines } from '@nullspace/contract/machines.ts'
import type { RouteResult } from '@nullspace/contract/route.ts'
import { MACHINE_STATES } from '@nullspace/contract/states.ts'
import type { Client } from '@nullspace/sdk'
import { InvalidArgumentError } from 'commander'
import { defineCommand } from '../core/command.ts'
import { jsonObject, many, pairs, text, whole } from '../core/options.ts'
import { duration, memory, table } from '../core/table.ts'

export const machineList = defineCommand({
  path: 'machine list',
  summary: 'List machines.',
  options: {
    state: many('--state <state>', `Only in this state: ${MACHINE_STATES.join(', ')}`, parseStates),
    template: text('--template <name>', 'Only of this template'),
    metadata: pairs('--metadata <K=V>', 'Only with this metadata'),
    metadataJson: jsonObject('--metadata-json <object>', 'The same as a JSON object'),
    fields: text('--fields <names>', 'Only these fields, separated by commas'),
    limit: whole('--limit <n>', 'At most so many, 1 to 100 (default: all)'),
    nextToken: text('--next-token <token>', 'Go on where an earlier list with --limit ended'),
  },
  examples: [
    'nullspace machine list',
    'nullspace machine list --state running --metadata job=17',
    'nullspace machine list --fields id,status --json',
  ],
  async run({ client, args, io, note }) {
    const { state, template, metadata, metadataJson, fields, limit, nextToken } = args
    const query: Query = {
      limit: limit ?? 100,
      ...(state && { state: state.flat().join(',') }),
      ...(template !== undefined && { template }),
      ...((metadata || metadataJson) && { metadata: JSON.stringify({ ...metadataJson, ...metadata }) }),
      ...(fields !== undefined && { fields }),
      ...(nextToken !== undefined && { next_token: nextToken }),
    }
    const first = await onePage(client, query, io.signal)
    if (limit === undefined) return first.items.concat(await theRest(client, query, first.next, io.signal))
    if (first.next !== undefined) note(`there are more: --next-token ${first.next}`)
    return first.items
  },
  render(machines, { args, io, note }) {
    if (machines.length === 0) note('no machines')
    else if (args.fields === undefined)
      io.stdout.write(table(['id', 'status', 'template', 'vcpus', 'memory', 'time left'], machines.map(row)))
    else
      io.stdout.write(
        table(
          names(args.fields),
          machines.map((machine) => names(args.fields ?? '').map((name) => cell(machine, name))),
        ),
      )
  },
})

type Query = NonNullable<Parameters<typeof Client.prototype.call<typeof listMachines>>[1]['query']>
type Body = RouteResult<typeof listMachines>
type Machines = Exclude<Body, unknown[]>['items']
type Row = Machines[number]

async function onePage(client: Client, query: Query, signal: AbortSignal): Promise<{ items: Machines; next: string | undefined }> {
  const body = await client.call(listMachines, { query }, { signal })
  return Array.isArray(body) ? { items: body, next: undefined } : { items: body.items, next: body.has_next ? body.next_token : undefined }
}

async function theRest(client: Client, query: Query, from: string | undefined, signal: AbortSignal): Promise<Machines> {
  const machines: Machines = []
  for (let next = from; next !== undefined;) {
    const page = await onePage(client, { ...query, next_token: next }, signal)
    machines.push(...page.items)
    next = page.next
  }
  return machines
}

function row({ id, status, template, config, remaining_ms }: Row): (string | number)[] {
  const left = remaining_ms === undefined ? '-' : duration(remaining_ms)
  return [id ?? '-', status ?? '-', template ?? '-', config?.vcpus ?? '-', config ? memory(config.memory_mb) : '-', left]
}

const names = (fields: string): string[] => fields.split(',').map((name) => name.trim())

function cell(machine: Row, name: string): string {
  const value: unknown = Object.entries(machine).find(([key]) => key === name)?.[1]
  return value === undefined ? '-' : typeof value === 'string' ? value : JSON.stringify(value)
}

function parseStates(value: string): string[] {
  const states = value.split(',').map((state) => state.trim().toLowerCase())
  const wrong = states.find((state) => !MACHINE_STATES.some((known) => known === state))
  if (wrong !== undefined) throw new InvalidArgumentError(`Allowed choices are ${MACHINE_STATES.join(', ')}.`)
  return states
}
