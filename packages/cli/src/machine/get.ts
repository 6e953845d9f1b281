import { getMachine } from '@nullspace/contract/machines.ts'
import { defineCommand } from '../core/command.ts'
import { argument, text } from '../core/options.ts'
import { facts } from '../core/table.ts'

export const machineGet = defineCommand({
  path: 'machine get',
  summary: 'Show a machine; never wakes it.',
  args: { id: argument('id', 'Machine id') },
  options: { fields: text('--fields <names>', 'Only these fields, separated by commas') },
  examples: ['nullspace machine get mch_abc', 'nullspace machine get mch_abc --fields status,remaining_ms --json'],
  run: ({ client, args, io }) =>
    client.call(
      getMachine,
      { params: { id: args.id }, query: args.fields === undefined ? {} : { fields: args.fields } },
      { signal: io.signal },
    ),
  render: (machine, { io }) =>
    io.stdout.write(
      facts(Object.entries(machine).map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)])),
    ),
})
