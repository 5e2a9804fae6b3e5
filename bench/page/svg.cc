#include "bench/page/svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "bench/traffic/progress.h"

namespace millrace::bench {
namespace {

constexpr double kWidth = 760, kHeight = 300;
constexpr double kLeft = 74, kRight = 34, kTop = 16, kBottom = 46;
constexpr std::size_t kColors = 6;
constexpr double kBarHeight = 24, kBarGap = 8, kBarLeft = 150;
constexpr double kLetter = 8;  // width of one in bold, at the most

std::string format(const char* pattern, double a, double b = 0, double c = 0, double d = 0) {
  std::array<char, 200> text;
  std::snprintf(text.data(), text.size(), pattern, a, b, c, d);
  return text.data();
}

std::string color_class(std::size_t color) {
  return "c" + std::to_string(color % kColors);
}

/// 100 is 99 %, 1000 is 99.9 %.
std::string percentile_text(double value) {
  if (value <= 1) return "0 %";
  const double percent = 100 * (1 - 1 / value);
  const int digits = std::max(0, static_cast<int>(std::round(std::log10(value))) - 2);
  return format(("%." + std::to_string(digits) + "f %%").c_str(), percent);
}

std::string tick_text(const Axis& axis, double value) {
  if (axis.unit == Unit::kTime) return value == 0 ? "0" : human_time(value);
  if (axis.unit == Unit::kPercentile) return percentile_text(value);
  return value < 10 && value != std::floor(value) ? format("%.3g", value) : human(value);
}

/// From values to places on the page.
class Scale {
 public:
  Scale(const Axis& axis, double least, double most, double from, double to)
      : is_logarithmic_(axis.is_logarithmic || axis.unit == Unit::kPercentile),
        from_(from),
        to_(to) {
    if (is_logarithmic_) {
      ticks_ = logarithmic_ticks(std::max(least, 1e-9), std::max(most, 1e-9));
    } else {
      ticks_ = linear_ticks(std::min(least, 0.0), most, 6);
    }
    least_ = place(ticks_.front());
    most_ = place(ticks_.back());
    // Time's axis ends where the run does.
    if (!is_logarithmic_ && from < to && most > 0) {
      most_ = most;
      while (ticks_.back() > most) ticks_.pop_back();
    }
  }
  double at(double value) const {
    const double bounded = is_logarithmic_ ? std::max(value, ticks_.front()) : value;
    return from_ + (place(bounded) - least_) / (most_ - least_) * (to_ - from_);
  }
  const std::vector<double>& ticks() const { return ticks_; }

 private:
  double place(double value) const { return is_logarithmic_ ? std::log10(value) : value; }

  bool is_logarithmic_;
  double from_, to_, least_, most_;
  std::vector<double> ticks_;
};

struct Range {
  double least = std::numeric_limits<double>::max();
  double most = std::numeric_limits<double>::lowest();
  void add(double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
};

std::string axes(const Plot& plot, const Scale& x, const Scale& y) {
  const double bottom = kHeight - kBottom, right = kWidth - kRight;
  std::string svg;
  for (const double tick : y.ticks()) {
    svg += format("<line class='grid' x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'/>", kLeft, y.at(tick),
                  right, y.at(tick));
    svg += format("<text class='tick' x='%.1f' y='%.1f' text-anchor='end'>", kLeft - 8,
                  y.at(tick) + 4) +
           tick_text(plot.y, tick) + "</text>";
  }
  for (const double tick : x.ticks()) {
    svg += format("<line class='axis' x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'/>", x.at(tick),
                  bottom, x.at(tick), bottom + 4);
    svg += format("<text class='tick' x='%.1f' y='%.1f' text-anchor='middle'>", x.at(tick),
                  bottom + 18) +
           tick_text(plot.x, tick) + "</text>";
  }
  svg += format("<line class='axis' x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'/>", kLeft, bottom,
                right, bottom);
  svg += format("<text class='label' x='%.1f' y='%.1f' text-anchor='middle'>", (kLeft + right) / 2,
                kHeight - 6) +
         escaped(plot.x.label) + "</text>";
  svg += format(
             "<text class='label' transform='translate(14 %.1f) rotate(-90)' "
             "text-anchor='middle'>",
             (kTop + bottom) / 2) +
         escaped(plot.y.label) + "</text>";
  return svg;
}

std::string path_of(const Line& line, const Scale& x, const Scale& y) {
  std::string path;
  for (const auto& [a, b] : line.points)
    path += format(path.empty() ? "M%.1f %.1f" : "L%.1f %.1f", x.at(a), y.at(b));
  return "<path class='line " + color_class(line.color) + (line.is_dashed ? " dashed" : "") +
         "' d='" + path + "'><title>" + escaped(line.name) + "</title></path>";
}

std::string legend(const std::vector<Line>& lines) {
  std::string html = "<p class='legend'>";
  for (const Line& line : lines) {
    html += "<span><svg class='key' viewBox='0 0 26 10'><path class='line " +
            color_class(line.color) + (line.is_dashed ? " dashed" : "") +
            "' d='M1 5L25 5'/></svg>" + escaped(line.name) + "</span>";
  }
  return html + "</p>";
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '&') {
      safe += "&amp;";
    } else if (c == '<') {
      safe += "&lt;";
    } else if (c == '>') {
      safe += "&gt;";
    } else if (c == '\'') {
      safe += "&#39;";
    } else if (c == '"') {
      safe += "&quot;";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::vector<double> linear_ticks(double from, double to, int count) {
  if (!(to > from)) to = from + 1;
  const double rough = (to - from) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::floor(from / step);
  for (double i = first; ticks.empty() || ticks.back() < to; ++i) ticks.push_back(i * step);
  return ticks;
}

std::vector<double> logarithmic_ticks(double from, double to) {
  const double first = std::floor(std::log10(from) + 1e-9);
  const double last = std::max(first + 1, std::ceil(std::log10(to) - 1e-9));
  std::vector<double> ticks;
  for (double power = first; power <= last; ++power) ticks.push_back(std::pow(10, power));
  return ticks;
}

std::string svg_of(const Plot& plot) {
  Range xs, ys;
  for (const Line& line : plot.lines) {
    for (const auto& [x, y] : line.points) {
      xs.add(x);
      ys.add(y);
    }
  }
  if (xs.least > xs.most) return "";
  const Scale x(plot.x, xs.least, xs.most, kLeft, kWidth - kRight);
  const Scale y(plot.y, ys.least, ys.most, kHeight - kBottom, kTop);
  std::string svg =
      "<figure><figcaption>" + escaped(plot.title) + "</figcaption>" + legend(plot.lines) +
      format("<svg viewBox='0 0 %.0f %.0f' role='img'>", kWidth, kHeight) + axes(plot, x, y);
  for (const Line& line : plot.lines) svg += path_of(line, x, y);
  return svg + "</svg></figure>";
}

std::string svg_of(const BarChart& chart) {
  if (chart.bars.empty()) return "";
  double most = chart.line;
  std::size_t letters = 0;  // of the longest text beside a bar
  for (const Bar& bar : chart.bars) {
    most = std::max(most, bar.value);
    letters = std::max(letters, bar.text.size());
  }
  if (most <= 0) most = 1;
  const double height = static_cast<double>(chart.bars.size()) * (kBarHeight + kBarGap) + 30;
  const double room = kWidth - kBarLeft - kBarGap - kLetter * static_cast<double>(letters);
  std::string svg = "<figure><figcaption>" + escaped(chart.title) + "</figcaption>" +
                    format("<svg viewBox='0 0 %.0f %.0f' role='img'>", kWidth, height);
  double y = 4;
  for (const Bar& bar : chart.bars) {
    const double length = std::max(1.0, bar.value / most * room);
    svg += format("<text class='name' x='%.1f' y='%.1f' text-anchor='end'>", kBarLeft - 10,
                  y + kBarHeight / 2 + 4) +
           escaped(bar.name) + "</text>";
    svg +=
        "<rect class='bar " + color_class(bar.color) + "' rx='3' " +
        format("x='%.1f' y='%.1f' width='%.1f' height='%.1f'/>", kBarLeft, y, length, kBarHeight);
    svg += format("<text class='value' x='%.1f' y='%.1f'>", kBarLeft + length + 8,
                  y + kBarHeight / 2 + 4) +
           escaped(bar.text) + "</text>";
    y += kBarHeight + kBarGap;
  }
  if (chart.line > 0) {
    const double x = kBarLeft + chart.line / most * room;
    svg += format("<line class='mark' x1='%.1f' y1='0' x2='%.1f' y2='%.1f'/>", x, x, y);
  }
  svg += format("<text class='label' x='%.1f' y='%.1f'>", kBarLeft, height - 6) +
         escaped(chart.label) + "</text>";
  return svg + "</svg></figure>";
}

}  // namespace millrace::bench
