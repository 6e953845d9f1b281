// One notion of "an operation in flight" for the whole daemon; it is defined at the bottom, beside the driver border.
export { DeadlineError, Op } from '@nullspace/vmm/op.ts'
