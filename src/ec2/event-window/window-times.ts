import type { InstanceEventWindowTimeRangeRequest, WeekDay } from '@aws-sdk/client-ec2'
import { type Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'

/** A part of the week. */
export interface TimeRange {
  readonly StartWeekDay: WeekDay
  readonly StartHour: number
  readonly EndWeekDay: WeekDay
  readonly EndHour: number
}

/** The times of a window: ranges of the week or a cron expression, one of both. */
export interface WindowTimes {
  readonly timeRanges?: readonly TimeRange[]
  readonly cronExpression?: string
}

const weekDays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const hoursPerDay = 24
const hoursPerWeek = hoursPerDay * weekDays.length
/** EC2's rules ("Create custom event windows for scheduled events"). */
const minimumRangeHours = 2
const minimumWeekHours = 4

/** The times that a request gives; undefined when it gives none. Throws for those that EC2 does not take. */
export function readWindowTimes(input: {
  readonly TimeRanges?: readonly InstanceEventWindowTimeRangeRequest[] | undefined
  readonly CronExpression?: string | undefined
}): WindowTimes | undefined {
  const { TimeRanges: ranges = [], CronExpression: cronExpression } = input
  if (cronExpression !== undefined) {
    if (ranges.length > 0) {
      throw invalidParameterCombination('TimeRanges and CronExpression may not be used together')
    }
    requireLongEnough(readCron(cronExpression), 'cronExpression', cronExpression)
    return { cronExpression }
  }
  if (ranges.length === 0) return undefined
  const timeRanges = ranges.map(readRange)
  requireLongEnough(timeRanges.map(hoursOf), 'timeRange', timeRanges.map(hoursOf).join(' h, ').concat(' h'))
  return { timeRanges }
}

function readRange(range: InstanceEventWindowTimeRangeRequest): TimeRange {
  const { StartWeekDay, StartHour, EndWeekDay, EndHour } = range
  if (StartWeekDay === undefined) throw missingParameter('TimeRange.StartWeekDay')
  if (StartHour === undefined) throw missingParameter('TimeRange.StartHour')
  if (EndWeekDay === undefined) throw missingParameter('TimeRange.EndWeekDay')
  if (EndHour === undefined) throw missingParameter('TimeRange.EndHour')
  return { StartWeekDay, StartHour, EndWeekDay, EndHour }
}

function hoursOf(range: TimeRange): number {
  const start = weekDays.indexOf(range.StartWeekDay) * hoursPerDay + range.StartHour
  const end = weekDays.indexOf(range.EndWeekDay) * hoursPerDay + range.EndHour
  return (end - start + hoursPerWeek) % hoursPerWeek
}

/** The lengths of the ranges of a week; only hours and days of the week may be other than `*`. */
function readCron(expression: string): number[] {
  const [minute, hours = '', day, month, days = '', ...rest] = expression.trim().split(/\s+/)
  if (minute !== '*' || day !== '*' || month !== '*' || rest.length > 0) throw invalidCron(expression)
  const dayCount = countDays(days)
  const lengths = hours.split(',').map((part) => {
    const [, from = '', to = ''] = /^(\d{1,2})-(\d{1,2})$/.exec(part) ?? []
    return from === '' || Number(to) >= hoursPerDay ? 0 : Number(to) - Number(from)
  })
  if (dayCount === 0 || lengths.some((length) => length <= 0)) throw invalidCron(expression)
  return Array.from({ length: dayCount }, () => lengths).flat()
}

/** 0 when it is none of EC2's forms. */
function countDays(text: string): number {
  if (text === '*') return weekDays.length
  const days = text.split(',').map((day) => {
    if (/^[0-6]$/.test(day)) return Number(day)
    return weekDays.findIndex((name) => name.slice(0, 3).toUpperCase() === day)
  })
  return days.includes(-1) ? 0 : new Set(days).size
}

function requireLongEnough(lengths: readonly number[], parameter: string, shown: string): void {
  const total = lengths.reduce((sum, length) => sum + length, 0)
  if (lengths.every((length) => length >= minimumRangeHours) && total >= minimumWeekHours) return
  throw invalidParameterValue(
    parameter,
    shown.slice(0, 80),
    `Each range must have at least ${minimumRangeHours} hours, and all of a week together at least ${minimumWeekHours}.`,
  )
}

function invalidCron(expression: string): Ec2Error {
  return invalidParameterValue(
    'cronExpression',
    expression.slice(0, 80),
    'Expected hour ranges and days of the week, such as "* 0-4,20-23 * * 1,5".',
  )
}
