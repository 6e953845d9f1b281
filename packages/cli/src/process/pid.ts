import { usageError } from '../core/failure.ts'
import { argument } from '../core/options.ts'

export const pidArgument = argument('pid', 'Process id, as "nullspace machine process list" shows it')

export function pidOf(text: string): number {
  const pid = Number(text)
  if (!/^\d+$/.test(text) || pid < 1) throw usageError(`"${text}" is no process id`, 'Process ids are whole numbers.')
  return pid
}
