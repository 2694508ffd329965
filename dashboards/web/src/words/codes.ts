// Words for the server's closed lists. A word that is not listed is shown as it is: it is newer than this page.
import type { Language, Words } from '../states';

type Codes = Readonly<Record<string, Words>>;

/** What a person, or Saola by itself, did about an alert. */
export const DEEDS: Codes = {
  acknowledged: { vi: 'đã tiếp nhận', en: 'acknowledged' },
  unacknowledged: { vi: 'bỏ tiếp nhận', en: 'took the acknowledgement back' },
  assigned: { vi: 'giao việc', en: 'assigned' },
  commented: { vi: 'ghi chú', en: 'commented' },
  shelved: { vi: 'tạm gác', en: 'shelved' },
  unshelved: { vi: 'bỏ tạm gác', en: 'took off the shelf' },
  returned: { vi: 'hết hạn tạm gác', en: 'back from the shelf' },
  returned_worse: { vi: 'trở lại vì nặng hơn', en: 'back because it got worse' },
  closed: { vi: 'đóng', en: 'closed' },
  escalated: { vi: 'chuyển lên cấp trên', en: 'escalated' },
  reminded: { vi: 'nhắc lại', en: 'reminded' },
  not_delivered: { vi: 'không gửi được', en: 'not delivered' },
};

/** Why an alert changed. */
export const CAUSES: Codes = {
  value: { vi: 'do giá trị đo', en: 'by a value' },
  silence: { vi: 'do mất tín hiệu', en: 'by silence' },
  return: { vi: 'có số liệu trở lại', en: 'data came back' },
  rule: { vi: 'quy tắc thay đổi', en: 'the rule changed' },
  withdrawn: { vi: 'quy tắc bị bỏ', en: 'the rule was withdrawn' },
  maintenance: { vi: 'trạm bảo trì', en: 'maintenance of the station' },
  flapping: { vi: 'bật tắt liên tục', en: 'keeps coming and going' },
  settled: { vi: 'đã ổn định', en: 'settled' },
  calendar: { vi: 'ngoài lịch của quy tắc', en: 'outside the rule’s calendar' },
  closed: { vi: 'có người đóng', en: 'somebody closed it' },
  person: { vi: '', en: '' },
  time: { vi: 'theo thời hạn', en: 'by its time' },
  unacknowledged: { vi: 'chưa ai tiếp nhận', en: 'nobody acknowledged' },
  undelivered: { vi: 'tin không đến nơi', en: 'the message did not arrive' },
  reminder: { vi: 'nhắc lại', en: 'a reminder' },
};

/** Why an alert is closed, in the order of the form. */
export const CLOSE_CAUSES = {
  resolved: { vi: 'Đã xử lý xong', en: 'Dealt with' },
  false_alarm: { vi: 'Báo nhầm', en: 'False alarm' },
  test: { vi: 'Thử nghiệm', en: 'Test' },
  duplicate: { vi: 'Trùng cảnh báo khác', en: 'Duplicate of another' },
  other: { vi: 'Lý do khác', en: 'Another cause' },
} as const satisfies Codes;

export const DELIVERY_STATES: Codes = {
  queued: { vi: 'đang chờ gửi', en: 'queued' },
  sent: { vi: 'đã gửi', en: 'sent' },
  delivered: { vi: 'đã đến máy', en: 'delivered' },
  seen: { vi: 'đã xem', en: 'seen' },
  acknowledged: { vi: 'đã trả lời', en: 'answered' },
  failed: { vi: 'gửi hỏng', en: 'failed' },
  withdrawn: { vi: 'đã rút lại', en: 'withdrawn' },
};

export const DELIVERY_KINDS: Codes = {
  raised: { vi: 'cảnh báo mới', en: 'raised' },
  worse: { vi: 'nặng hơn', en: 'worse' },
  milder: { vi: 'nhẹ hơn', en: 'milder' },
  unknown: { vi: 'mất dữ liệu', en: 'data stopped' },
  returned: { vi: 'trở lại', en: 'returned' },
  resolved: { vi: 'kết thúc', en: 'over' },
  escalated: { vi: 'chuyển cấp trên', en: 'escalated' },
  reminder: { vi: 'nhắc lại', en: 'reminder' },
};

/** What a rule makes of samples. */
export const FUNCTIONS: Codes = {
  sum: { vi: 'tổng', en: 'sum' },
  mean: { vi: 'trung bình', en: 'mean' },
  min: { vi: 'thấp nhất', en: 'lowest' },
  max: { vi: 'cao nhất', en: 'highest' },
  rate: { vi: 'tốc độ thay đổi mỗi giờ', en: 'change per hour' },
  difference: { vi: 'chênh lệch', en: 'difference' },
};

/** Why something was refused. */
export const REASONS: Codes = {
  unknown_topic: { vi: 'chủ đề không khai báo', en: 'topic not declared' },
  empty_payload: { vi: 'bản tin rỗng', en: 'empty message' },
  payload_too_large: { vi: 'bản tin quá lớn', en: 'message too large' },
  invalid_utf8: { vi: 'không phải UTF-8', en: 'not UTF-8' },
  invalid_json: { vi: 'JSON hỏng', en: 'broken JSON' },
  nested_too_deep: { vi: 'JSON lồng nhau', en: 'nested JSON' },
  wrong_shape: { vi: 'sai cấu trúc', en: 'wrong shape' },
  wrong_type: { vi: 'giá trị không phải số', en: 'not a number' },
  not_finite: { vi: 'số quá lớn', en: 'number too large' },
  duplicate_key: { vi: 'khóa lặp lại', en: 'key twice' },
  too_many_readings: { vi: 'quá nhiều số đo', en: 'too many readings' },
  no_readings: { vi: 'không có số đo', en: 'no readings' },
  invalid_time: { vi: 'sai thời gian', en: 'invalid time' },
  invalid_status: { vi: 'sai trạng thái', en: 'invalid status' },
  unknown_station: { vi: 'trạm chưa khai báo', en: 'unknown station' },
  unknown_property: { vi: 'đại lượng chưa khai báo', en: 'unknown property' },
  implausible: { vi: 'giá trị phi lý', en: 'implausible value' },
  future_time: { vi: 'thời gian ở tương lai', en: 'time in the future' },
  too_old: { vi: 'quá cũ', en: 'too old' },
  retained_without_time: { vi: 'tin lưu không có thời gian', en: 'retained without a time' },
  retired: { vi: 'trạm đã ngừng dùng', en: 'out of service' },
  refused_by_store: { vi: 'kho từ chối', en: 'refused by the store' },
  wrong_unit: { vi: 'sai đơn vị', en: 'wrong unit' },
  invalid_binary: { vi: 'bản tin nhị phân hỏng', en: 'broken binary' },
  not_a_quantity: { vi: 'không phải đại lượng', en: 'not a quantity' },
  unsupported: { vi: 'chưa hỗ trợ', en: 'not supported' },
  unknown_alias: { vi: 'bí danh chưa biết', en: 'unknown alias' },
  derived_channel: { vi: 'đại lượng do máy chủ tính', en: 'computed by the server' },
};

/** The parts of the service; those with a name behind them begin with the word. */
export const PARTS: Codes = {
  journal: { vi: 'Nhật ký', en: 'Journal' },
  intake: { vi: 'Tiếp nhận', en: 'Intake' },
  tick: { vi: 'Xét cảnh báo', en: 'Judging of alerts' },
  state: { vi: 'Trạng thái', en: 'State' },
  store: { vi: 'Kho số liệu', en: 'Store' },
  edge: { vi: 'Cổng MQTT', en: 'MQTT edge' },
  broker: { vi: 'Broker', en: 'Broker' },
  folder: { vi: 'Thư mục', en: 'Folder' },
  canary: { vi: 'Tin thử đường truyền', en: 'Test message' },
};

/** To whom an alert was taken: `duty:operations`, `role:administrator`, `person:lan`; an account is its own name. */
const RECIPIENTS: Codes = { duty: { vi: 'ca trực', en: 'duty' }, role: { vi: 'vai trò', en: 'role' }, person: { vi: '', en: '' } };

export function recipientWords(to: string, language: Language): string {
  const [, kind = '', name = ''] = to.match(/^(\w+):(.+)$/) ?? [];
  return kind in RECIPIENTS ? `${RECIPIENTS[kind]?.[language] ?? ''} ${name}`.trim() : to;
}

export function word(codes: Codes, code: string, language: Language): string {
  return codes[code]?.[language] ?? code.replaceAll('_', ' ');
}

/** `broker lorawan`: the word of the first part, and the name as it is. */
export function partWords(part: string, language: Language): string {
  const [head = '', ...rest] = part.split(' ');
  return [word(PARTS, head, language), ...rest].join(' ');
}

const SPAN = /^(\d+)\s*(s|m|h|d)$/;
const SPANS: Codes = { s: { vi: 'giây', en: 's' }, m: { vi: 'phút', en: 'min' }, h: { vi: 'giờ', en: 'h' }, d: { vi: 'ngày', en: 'd' } };

/** `10m` of a rule as people write it. */
export function spanWords(span: string, language: Language): string {
  const [, number, unit] = span.match(SPAN) ?? [];
  return number && unit ? `${number} ${SPANS[unit]?.[language] ?? unit}` : span;
}
