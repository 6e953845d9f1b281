import { createKey } from '@nullspace/contract/keys.ts'
import { defineCommand } from '../core/command.ts'
import { choice, text } from '../core/options.ts'

export const keyCreate = defineCommand({
  path: 'key create',
  summary: 'Make an API key; it is shown this once.',
  options: {
    name: text('--name <name>', 'To recognise it by'),
    scope: choice('--scope <scope>', 'What it may do (default: user)', ['user', 'operator']),
    owner: text('--owner <name>', 'Whose machines it sees; made when new (default: your own)'),
  },
  examples: ['nullspace key create --name ci', 'KEY=$(nullspace key create --owner team-a)'],
  run: ({ client, args: { name, scope, owner }, io }) =>
    client.call(
      createKey,
      { body: { ...(name !== undefined && { name }), ...(scope && { scope }), ...(owner !== undefined && { owner }) } },
      { signal: io.signal },
    ),
  render({ key, id, scope, owner }, { io, note }) {
    io.stdout.write(`${key}\n`)
    note(`${scope} key of owner ${owner}, id ${id}; it cannot be shown again`)
  },
})
