// What the page says in Vietnamese, and the type that every other language must fill.
// States, kinds and properties have their words in states.ts and properties.ts.

import { operations } from './operations.vi';

export const vi = {
  ...operations,

  title: 'Trung tâm điều hành Lai Châu',
  centre: 'Trung tâm điều hành',
  province: 'tỉnh Lai Châu',
  skipToAlerts: 'Đến danh sách cảnh báo',

  demo: 'Bản trình diễn',
  demoMeaning: 'Dữ liệu mô phỏng, không phải số đo thật',
  otherLanguage: 'English',
  toLight: 'Giao diện sáng',
  toDark: 'Giao diện tối',
  signOut: 'Đăng xuất',
  account: 'Tài khoản',
  apiDocs: 'Tài liệu API',
  history: 'Lịch sử, báo cáo',
  admin: 'Quản trị',

  signIn: {
    heading: 'Đăng nhập',
    lead: 'Theo dõi cảm biến và cảnh báo của tỉnh.',
    name: 'Tên đăng nhập',
    password: 'Mật khẩu',
    submit: 'Đăng nhập',
    busy: 'Đang đăng nhập…',
    wrong: 'Tên đăng nhập hoặc mật khẩu không đúng.',
    tooMany: 'Thử sai quá nhiều lần. Hãy chờ ít phút rồi thử lại.',
    unreachable: 'Không liên lạc được với máy chủ.',
  },

  connection: {
    live: 'Trực tiếp',
    connecting: 'Đang kết nối…',
    lost: 'Mất kết nối',
    heartbeatAgo: (age: string) => `Nhịp máy chủ ${age}`,
    intakeAgo: (age: string) => `Bản tin cảm biến gần nhất ${age}`,
    streamBroken: (since: string) => `Mất kết nối với máy chủ. Số liệu trên màn hình dừng ở ${since}, không phải hiện tại.`,
    unreachable: 'Chưa kết nối được với máy chủ.',
    heartbeatLate: (age: string) => `Máy chủ im lặng đã ${age}. Số liệu trên màn hình có thể đã cũ.`,
    intakeLate: (age: string) => `Không có bản tin cảm biến nào đến máy chủ trong ${age} qua.`,
    intakeNever: 'Máy chủ chưa nhận được bản tin cảm biến nào.',
    loadFailed: (reason: string) => `Không tải được dữ liệu (${reason}). Đang thử lại.`,
    retrying: 'Đang tự kết nối lại…',
    lastKnown: (time: string) => `Lần cuối biết được, ${time}:`,
    unheard: (sources: string) => `Máy chủ không kết nối được với broker của: ${sources}. Thiết bị ở đó mất tín hiệu không gây cảnh báo.`,
    tickLate: (age: string) => `Máy chủ chưa xét lại cảnh báo trong ${age} qua.`,
  },

  counts: {
    label: 'Tổng quan và bộ lọc',
    stations: 'Trạm theo tình trạng',
    kinds: 'Loại trạm',
    alerts: 'Cảnh báo đang mở',
    none: 'Không có cảnh báo đang mở',
    only: (name: string) => `Chỉ hiện: ${name}`,
    clear: 'Bỏ lọc',
    filtered: (shown: number, total: number) => `Đang hiện ${shown} / ${total} trạm`,
    filter: 'Lọc',
  },

  tabs: { map: 'Bản đồ', alerts: 'Cảnh báo', stations: 'Trạm', legend: 'Chú giải' },

  map: {
    label: 'Bản đồ các trạm. Danh sách trạm ở thẻ “Trạm” cho cùng nội dung bằng bàn phím.',
    zoomIn: 'Phóng to',
    zoomOut: 'Thu nhỏ',
    home: 'Toàn tỉnh',
    severalHere: (count: number) => `${count} trạm ở đây`,
    boundaries: 'Ranh giới: thanglequoc/vietnamese-provinces-database (MIT), để tham khảo, không phải bản đồ địa chính',
    failed: 'Không vẽ được bản đồ trên máy này (WebGL). Danh sách trạm và cảnh báo vẫn hoạt động.',
    eastSea: 'Biển Đông',
    hoangSa: 'Quần đảo Hoàng Sa\n(Việt Nam)',
    truongSa: 'Quần đảo Trường Sa\n(Việt Nam)',
  },

  legend: {
    heading: 'Chú giải',
    kinds: 'Loại trạm: hình dạng',
    freshness: 'Độ mới của số liệu: cách vẽ',
    severity: 'Mức cảnh báo: dấu kèm theo',
    note: 'Mức cảnh báo là ngưỡng kỹ thuật của cảm biến, không phải cấp độ rủi ro thiên tai chính thức.',
    open: 'Chú giải',
    close: 'Đóng chú giải',
  },

  alerts: {
    heading: 'Cảnh báo',
    empty: 'Không có cảnh báo đang mở.',
    emptyMeaning: 'Danh sách tự cập nhật khi có cảnh báo mới.',
    noAccess: 'Tài khoản này không được xem cảnh báo.',
    recent: 'Kết thúc gần đây',
    fresh: 'Mới',
    since: 'từ',
    until: 'kết thúc',
    above: 'ngưỡng',
    absence: 'Không có dữ liệu',
    lasted: (span: string) => `kéo dài ${span}`,
    announce: (severity: string, title: string, station: string) => `Cảnh báo mới, mức ${severity}: ${title}, ${station}`,
    announceCleared: (title: string, station: string) => `Cảnh báo kết thúc: ${title}, ${station}`,
    moreCleared: (count: number) => `và ${count} cảnh báo khác`,
  },

  stations: {
    heading: 'Trạm',
    search: 'Tìm trạm, mã trạm, xã',
    empty: 'Không có trạm nào khớp.',
    more: (count: number) => `Còn ${count} trạm nữa. Hãy tìm hoặc lọc để thu hẹp.`,
    close: 'Đóng',
    values: 'Số đo',
    property: 'Đại lượng',
    value: 'Giá trị',
    age: 'Tuổi số liệu',
    state: 'Tình trạng',
    never: 'chưa có số đo',
    openAlerts: 'Cảnh báo của trạm',
    observed: (time: string) => `Đo lúc ${time}`,
    received: (time: string) => `Nhận lúc ${time}`,
    every: (span: string) => `Dự kiến mỗi ${span}`,
    gone: 'Trạm này không còn trong danh mục.',
  },

  chart: {
    last: (hours: number) => `${hours} giờ qua`,
    span: 'Khoảng thời gian',
    hours: (hours: number) => `${hours} giờ`,
    loading: 'Đang tải…',
    failed: (reason: string) => `Không tải được lịch sử (${reason}).`,
    retry: 'Thử lại',
    empty: 'Không có số đo nào trong khoảng này.',
    lowest: 'Thấp nhất',
    highest: 'Cao nhất',
    mean: 'Trung bình',
    count: 'Số mẫu',
    doubtful: 'Mẫu không dùng được',
    summary: (property: string, span: string, low: string, high: string, last: string) =>
      `${property}, ${span}: thấp nhất ${low}, cao nhất ${high}, mới nhất ${last}.`,
    threshold: 'Ngưỡng',
  },

  ago: {
    now: 'vừa xong',
    seconds: (n: number) => `${n} giây trước`,
    minutes: (n: number) => `${n} phút trước`,
    hours: (n: number) => `${n} giờ trước`,
    days: (n: number) => `${n} ngày trước`,
    ahead: 'ở tương lai',
  },
  span: {
    seconds: (n: number) => `${n} giây`,
    minutes: (n: number) => `${n} phút`,
    hours: (n: number) => `${n} giờ`,
    hoursMinutes: (h: number, m: number) => `${h} giờ ${m} phút`,
    days: (n: number) => `${n} ngày`,
  },
};

/** Every language says the same things, with the same arguments. */
export type Messages = typeof vi;
