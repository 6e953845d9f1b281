import { listTemplates } from '@nullspace/contract/templates.ts'
import { defineCommand } from '../core/command.ts'
import { memory, table } from '../core/table.ts'

export const templateList = defineCommand({
  path: 'template list',
  summary: 'List the templates a machine can be created from.',
  examples: ['nullspace template list', 'nullspace template list --json'],
  run: ({ client, io }) => client.call(listTemplates, {}, { signal: io.signal }),
  render(templates, { io, note }) {
    if (templates.length === 0) return note('no templates')
    const rows = templates.map(({ name = '-', shapes = [], description = '' }) => [
      name,
      shapes.map(({ vcpus, memory_mb }) => `${vcpus} vCPU/${memory(memory_mb)}`).join(', ') || 'none',
      description,
    ])
    io.stdout.write(table(['name', 'ready sizes', 'description'], rows))
  },
})
