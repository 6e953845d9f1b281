// The channels that this release has.

import type { App } from '../../app/context.ts'
import { workChannel } from './work-channel.ts'
import type { Channel } from './channel.ts'
import { lifecycleChannel, machineLifecycleChannel } from './lifecycle-channel.ts'
import { monitorChannel } from './monitor-channel.ts'

export const channels = (app: App): readonly Channel[] => [
  lifecycleChannel(app),
  machineLifecycleChannel(app),
  monitorChannel(app),
  workChannel(app),
]
