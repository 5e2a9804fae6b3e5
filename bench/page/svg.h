// Plots as SVG that stands in a page's own text: no script, nothing from elsewhere.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace millrace::bench {

/// What a number on an axis is.
enum class Unit { kNumber, kTime, kPercentile };

struct Axis {
  std::string label;
  Unit unit = Unit::kNumber;  ///< kTime: in ns; kPercentile: in 1 / (1 - share), always logarithmic
  bool is_logarithmic = false;
};

struct Line {
  std::string name;
  std::size_t color = 0;
  bool is_dashed = false;
  std::vector<std::pair<double, double>> points;
};

struct Plot {
  std::string title;
  Axis x, y;
  std::vector<Line> lines;
};

/// Empty if there is nothing to draw.
std::string svg_of(const Plot& plot);

struct Bar {
  std::string name;
  double value = 0;
  std::string text;  ///< beside its end
  std::size_t color = 0;
};

struct BarChart {
  std::string title;
  std::string label;
  std::vector<Bar> bars;
  double line = 0;  ///< where a line stands across all bars; 0: nowhere
};

std::string svg_of(const BarChart& chart);

/// Text as it stands in HTML.
std::string escaped(const std::string& text);

/// Round numbers from at most `from` to at least `to`, about `count` of them.
std::vector<double> linear_ticks(double from, double to, int count);
/// Powers of ten from at most `from` to at least `to`.
std::vector<double> logarithmic_ticks(double from, double to);

}  // namespace millrace::bench
