// Intrusive lists: the links live in the elements, nothing is allocated.
#pragma once

#include <cstddef>

#include "engine/base/assert.h"

namespace millrace {

/// The links of an element. `Tag` tells apart the lists that one element can be in.
template <class T, class Tag = void>
struct ListNode {
  T* previous = nullptr;
  T* next = nullptr;
  bool linked = false;
};

/// A list of elements that derive from ListNode<T, Tag>. It does not own them.
template <class T, class Tag = void>
class List {
  using Node = ListNode<T, Tag>;
  static Node& node(T* element) { return *static_cast<Node*>(element); }

 public:
  bool empty() const { return head_ == nullptr; }
  std::size_t size() const { return size_; }
  T* front() const { return head_; }
  T* back() const { return tail_; }
  static T* next(T* element) { return node(element).next; }
  static T* previous(T* element) { return node(element).previous; }
  static bool is_linked(T* element) { return node(element).linked; }

  void push_back(T* element) {
    Node& links = node(element);
    MR_ASSERT(!links.linked);
    links = {tail_, nullptr, true};
    (tail_ ? node(tail_).next : head_) = element;
    tail_ = element;
    ++size_;
  }

  void remove(T* element) {
    Node& links = node(element);
    MR_ASSERT(links.linked);
    (links.previous ? node(links.previous).next : head_) = links.next;
    (links.next ? node(links.next).previous : tail_) = links.previous;
    links = Node{};
    --size_;
  }

  T* pop_front() {
    T* element = head_;
    if (element == nullptr) return nullptr;
    Node& links = node(element);
    head_ = links.next;
    (head_ ? node(head_).previous : tail_) = nullptr;
    links = Node{};
    --size_;
    return element;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
  std::size_t size_ = 0;
};

/// A queue of elements that have a member `T* next`, which is the queue's while they are in it. It
/// does not own them, and an element does not know whether it is in one: half the stores of a List.
template <class T>
class Fifo {
 public:
  bool empty() const { return head_ == nullptr; }
  std::size_t size() const { return size_; }
  T* front() const { return head_; }

  void push_back(T* element) {
    element->next = nullptr;
    (head_ != nullptr ? tail_->next : head_) = element;
    tail_ = element;
    ++size_;
  }

  T* pop_front() {
    T* element = head_;
    if (element == nullptr) return nullptr;
    head_ = element->next;
    --size_;
    return element;
  }

  /// The elements of another queue behind those of this one, which has them from now on.
  void append(const Fifo& others) {
    if (others.empty()) return;
    (head_ != nullptr ? tail_->next : head_) = others.head_;
    tail_ = others.tail_;
    size_ += others.size_;
  }
  /// Takes off the first `count` elements; `rest` is what comes behind them, nullptr if nothing.
  void drop_front(std::size_t count, T* rest) {
    head_ = rest;
    size_ -= count;
  }

  /// All elements, in order; this queue is empty afterwards.
  Fifo take_all() {
    Fifo all = *this;
    *this = Fifo{};
    return all;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;  // says nothing while the queue is empty
  std::size_t size_ = 0;
};

}  // namespace millrace
