// From what was saved to a machine that answers: the same steps for a create and for a resume. They differ in what is
// restored and in who the guest is afterwards.

import type { Source } from '../domain/machine.ts'
import type { Identity } from '../host/host.ts'
import type { WorkflowContext } from './context.ts'
import { theMachine } from './machine-parts.ts'
import type { BaseState, Step } from './workflow.ts'

/** On the machine that is to run. */
export interface RestoreState extends BaseState {
  readonly slot?: number
  readonly handle?: string
}

export function restoreSteps<State extends RestoreState>({
  source,
  identity,
}: {
  source: (state: State) => Source
  identity: (state: State) => Identity
}): readonly Step<WorkflowContext, State>[] {
  return [
    {
      name: 'reserveSlot',
      async run(op, { db, host }, state) {
        const { internetAccess, shape } = await theMachine(db, state.subject)
        return { slot: await host.reserveSlot(op, state.subject, { internetAccess }, { ...source(state), shape }) } as Partial<State>
      },
      undo: (op, { host }, { subject, slot }) => host.releaseSlot(op, subject, slot ?? null),
    },
    {
      name: 'cloneDisk',
      async run(op, { db, host }, state) {
        const { shape } = await theMachine(db, state.subject)
        await host.cloneDisk(op, state.subject, { ...source(state), shape })
      },
      undo: (op, { host }, { subject }) => host.removeDisk(op, subject),
    },
    {
      name: 'restore',
      async run(op, { db, host }, state) {
        const { shape } = await theMachine(db, state.subject)
        return { handle: await host.startVm(op, state.subject, { ...source(state), shape }) } as Partial<State>
      },
      undo: (op, { host }, { subject }) => host.stopVm(op, subject),
    },
    {
      name: 'greet',
      async run(op, { db, host }, state) {
        const { diskMb } = await theMachine(db, state.subject)
        await host.greet(op, state.subject, identity(state), diskMb)
      },
    },
  ]
}
