import { LIFECYCLE_OPERATIONS, type LifecycleOperation } from '@nullspace/contract/events.ts'
import { InvalidArgumentError } from 'commander'
import { many } from '../core/options.ts'

export const operationOption = (otherwise: string) =>
  many('--operation <name>', `Post events of this operation (${otherwise}): ${LIFECYCLE_OPERATIONS.join(', ')}`, parseOperation)

function parseOperation(value: string): LifecycleOperation {
  const found = LIFECYCLE_OPERATIONS.find((name) => name === value)
  if (found === undefined) throw new InvalidArgumentError(`Allowed choices are ${LIFECYCLE_OPERATIONS.join(', ')}.`)
  return found
}
