import { getLineage, type LineageNode } from '@nullspace/contract/lifecycle.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { duration } from '../core/table.ts'

export const machineTree = defineCommand({
  path: 'machine tree',
  summary: 'Show the family of a machine: where it came from, and all that came from there; also what is destroyed.',
  args: { id: argument('id', 'Machine id') },
  examples: ['nullspace machine tree mch_abc', 'nullspace machine tree mch_abc --json'],
  run: ({ client, args: { id }, io }) => client.call(getLineage, { params: { id } }, { signal: io.signal }),
  render({ machine_id, nodes }, { io }) {
    io.stdout.write(drawTree(nodes, (node) => describe(node, io.now()) + (node.machine_id === machine_id ? '  <' : '')))
  },
})

function describe({ machine_id, status, origin, snapshot_id, template, created_at }: LineageNode, now: number): string {
  const from = origin === 'template' ? `template ${template}` : origin === 'snapshot' ? `snapshot ${snapshot_id ?? '?'}` : 'fork'
  return `${machine_id}  ${status}  ${from}  ${duration(now - Date.parse(created_at))}`
}

/** Oldest first among siblings. A node whose parent is not in the list stands at the left; each is drawn once, whatever the list says. */
export function drawTree(nodes: readonly LineageNode[], line: (node: LineageNode) => string): string {
  const ids = new Set(nodes.map(({ machine_id }) => machine_id))
  const byAge = nodes.toSorted((a, b) => a.created_at.localeCompare(b.created_at))
  const drawn = new Set<LineageNode>()
  const lines: string[] = []
  const draw = (node: LineageNode, head: string, indent: string): void => {
    if (drawn.has(node)) return
    drawn.add(node)
    lines.push(`${head}${line(node)}\n`)
    const children = byAge.filter(({ parent_machine_id }) => parent_machine_id === node.machine_id)
    for (const [at, child] of children.entries()) {
      const last = at === children.length - 1
      draw(child, `${indent}${last ? '└─ ' : '├─ '}`, `${indent}${last ? '   ' : '│  '}`)
    }
  }
  for (const node of byAge) if (node.parent_machine_id === undefined || !ids.has(node.parent_machine_id)) draw(node, '', '')
  for (const node of byAge) draw(node, '', '')
  return lines.join('')
}
