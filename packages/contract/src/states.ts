// The life of a machine in one table, read by server, console and docs.

export const MACHINE_STATES = ['creating', 'running', 'paused', 'destroyed', 'error'] as const
export type MachineState = (typeof MACHINE_STATES)[number]

/** In which states a verb may begin. A verb on another state is refused with `machine_not_ready`. */
export const LEGAL = {
  exec: ['running'],
  setTimeout: ['running'],
  hibernate: ['running'],
  resume: ['paused'],
  snapshot: ['running', 'paused'],
  fork: ['running'],
  destroy: ['creating', 'running', 'paused', 'error'],
  expire: ['running', 'paused', 'error'],
  fail: ['creating', 'running'],
} as const satisfies Record<string, readonly MachineState[]>

export type Verb = keyof typeof LEGAL

export function isLegal(verb: Verb, state: MachineState): boolean {
  return (LEGAL[verb] as readonly MachineState[]).includes(state)
}
