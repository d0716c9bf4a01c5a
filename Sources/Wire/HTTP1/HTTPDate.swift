// Dates as HTTP writes them. Which time it is, the caller knows.

package import Bytes

/// Appends `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7), 29 bytes.
///
/// - Parameter secondsSince1970: since 1970-01-01 00:00 UTC; years above 9999 have no such form
///   and come out as the last second of 9999.
package func appendHTTPDate(secondsSince1970: UInt64, to buffer: ByteBuffer) {
    let seconds = Int(min(secondsSince1970, 253_402_300_799))
    let days = seconds / 86_400
    let time = seconds % 86_400
    let (year, month, day) = civilDate(daysSince1970: days)
    buffer.append(weekday((days + 4) % 7))
    buffer.append(", ")
    appendTwoDigits(day, to: buffer)
    buffer.append(monthName(month))
    appendTwoDigits(year / 100, to: buffer)
    appendTwoDigits(year % 100, to: buffer)
    buffer.append(.space)
    appendTwoDigits(time / 3_600, to: buffer)
    buffer.append(0x3A)
    appendTwoDigits(time / 60 % 60, to: buffer)
    buffer.append(0x3A)
    appendTwoDigits(time % 60, to: buffer)
    buffer.append(" GMT")
}

/// The Gregorian date. Years are counted from 1 March, so that the leap day is a year's last and
/// the months' lengths follow one rule: 153 days in each five months.
private func civilDate(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
    // 719,468 days from 0000-03-01 to 1970-01-01; 146,097 days in 400 years.
    let days = daysSince1970 + 719_468
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let leapDays = dayOfEra / 1_460 - dayOfEra / 36_524 + dayOfEra / 146_096
    let yearOfEra = (dayOfEra - leapDays) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
}

private func appendTwoDigits(_ value: Int, to buffer: ByteBuffer) {
    buffer.append(0x30 + UInt8(value / 10))
    buffer.append(0x30 + UInt8(value % 10))
}

private func weekday(_ fromSunday: Int) -> StaticString {
    switch fromSunday {
    case 0: "Sun"
    case 1: "Mon"
    case 2: "Tue"
    case 3: "Wed"
    case 4: "Thu"
    case 5: "Fri"
    default: "Sat"
    }
}

private func monthName(_ month: Int) -> StaticString {
    switch month {
    case 1: " Jan "
    case 2: " Feb "
    case 3: " Mar "
    case 4: " Apr "
    case 5: " May "
    case 6: " Jun "
    case 7: " Jul "
    case 8: " Aug "
    case 9: " Sep "
    case 10: " Oct "
    case 11: " Nov "
    default: " Dec "
    }
}
