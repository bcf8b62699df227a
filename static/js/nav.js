/* On a phone the row of sections scrolls inside itself: the current section is brought into view. */
document.querySelector(".sections .current")?.scrollIntoView({ block: "nearest", inline: "center" });
