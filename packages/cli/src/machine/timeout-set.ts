import { setTimeout } from '@nullspace/contract/lifecycle.ts'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument, choice, whole } from '../core/options.ts'
import { duration } from '../core/table.ts'

export const machineTimeoutSet = defineCommand({
  path: 'machine timeout set',
  summary: 'Begin a machine’s time anew: it is up so many seconds from now.',
  args: { id: argument('id', 'Machine id') },
  options: {
    seconds: whole('--seconds <n>', 'Seconds from now (required)'),
    action: choice('--action <what>', 'What happens then (default: what was said last)', ['destroy', 'hibernate']),
  },
  examples: [
    'nullspace machine timeout set mch_abc --seconds 3600',
    'nullspace machine timeout set mch_abc --seconds 600 --action hibernate',
  ],
  run({ client, args: { id, seconds, action }, io }) {
    if (seconds === undefined) throw usageError('--seconds is missing', 'Say how many seconds from now, e.g. --seconds 3600.')
    const body = { timeout_ms: seconds * 1000, ...(action && { timeout_action: action }) }
    return client.call(setTimeout, { params: { id }, body }, { signal: io.signal })
  },
  render({ timeout_action, timeout_at, timeout_ms, remaining_ms }, { io }) {
    const at = timeout_at === undefined ? '' : ` at ${timeout_at}`
    io.stdout.write(`${timeout_action}${at}, in ${duration(remaining_ms ?? timeout_ms)}\n`)
  },
})
